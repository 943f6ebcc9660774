type CleanUp = () => unknown;

/** What ends before what: whoever uses a server before the server, and a server before its folder is gone. */
const STAGES = ['users', 'servers', 'folders'] as const;
type Stage = (typeof STAGES)[number];

const afterTests: [Stage, CleanUp][] = [];
const afterFiles: [Stage, CleanUp][] = [];

/**
 * For modules that make something for tests: `afterEach` of vitest holds for the file of tests that loads the module first,
 * and a process that runs several files loads it once.
 */
export function afterEachTest(stage: Stage, cleanUp: CleanUp): void {
  afterTests.push([stage, cleanUp]);
}

/** The same for what all tests of a file share. */
export function afterAllTests(stage: Stage, cleanUp: CleanUp): void {
  afterFiles.push([stage, cleanUp]);
}

/** Called by `clean-up-hooks.ts` in every file of tests. */
export async function cleanUpAfterTest(): Promise<void> {
  await runAll(afterTests);
}

export async function cleanUpAfterFile(): Promise<void> {
  await runAll(afterFiles);
}

/** All of them run, and what fails is told. */
async function runAll(cleanUps: readonly [Stage, CleanUp][]): Promise<void> {
  const errors: unknown[] = [];
  for (const stage of STAGES) {
    for (const [, cleanUp] of cleanUps.filter(([of]) => of === stage)) {
      try {
        await cleanUp();
      } catch (error) {
        errors.push(error);
      }
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `clean-up after a test: ${errors.join('; ')}`);
}
