import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Begun last, they would be waited for with nothing beside them. */
const LONGEST = [
  '/test/hosts/cluster.',
  '/test/package/',
  '/test/loadgen/run.',
  '/test/docs/guide.',
  '/test/hosts/',
  '/test/loadgen/',
  '/test/cli/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = LONGEST.findIndex((part) => moduleId.includes(part));
      return index < 0 ? LONGEST.length : index;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build-when-stale.ts'],
    // Real servers and agents are forked by the tests; worker threads cannot own a cluster.
    pool: 'forks',
    setupFiles: ['test/support/clean-up-hooks.ts'],
    // One process runs many files, and loads what they test once: that was a fifth of the time. So a file leaves nothing behind.
    isolate: false,
    restoreMocks: true,
    unstubEnvs: true,
    // Each of them starts servers and agents of its own, and waits for them for most of its time.
    maxWorkers: 6,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes when the machine has time for it.
    expect: { poll: { timeout: 20_000 } },
  },
});
