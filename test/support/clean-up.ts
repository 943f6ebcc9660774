type CleanUp = () => unknown;

const afterTests: CleanUp[] = [];
const afterFiles: CleanUp[] = [];

/**
 * For modules that make something for tests: `afterEach` of vitest holds for the file of tests that loads the module first,
 * and a process that runs several files loads it once.
 */
export function afterEachTest(cleanUp: CleanUp): void {
  afterTests.push(cleanUp);
}

/** The same for what all tests of a file share. */
export function afterAllTests(cleanUp: CleanUp): void {
  afterFiles.push(cleanUp);
}

/** Called by `clean-up-hooks.ts` in every file of tests. */
export async function cleanUpAfterTest(): Promise<void> {
  await runAll(afterTests);
}

export async function cleanUpAfterFile(): Promise<void> {
  await runAll(afterFiles);
}

/** Backwards: what was made with something else ends before that. All of them run, and what fails is told. */
async function runAll(cleanUps: readonly CleanUp[]): Promise<void> {
  const errors: unknown[] = [];
  for (const cleanUp of cleanUps.toReversed()) {
    try {
      await cleanUp();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `clean-up after a test: ${errors.join('; ')}`);
}
