import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** They take longest, or start most processes. Begun last, they would be waited for with nothing beside them. */
const LONG = [
  '/test/hosts/cluster.',
  '/test/package/',
  '/test/loadgen/run.',
  '/test/cli/run.',
  '/test/docs/guide.',
  '/test/reports/html/page.',
  '/test/deploy/',
  '/test/hosts/',
  '/test/loadgen/',
  '/test/cli/',
];

/** Long ones first, and one of the others beside each of them: side by side they would all be late. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number =>
      LONG.findIndex((part) => moduleId.includes(part));
    const sorted = await super.sort(files);
    const long = sorted.filter((file) => rank(file) >= 0).sort((one, other) => rank(one) - rank(other));
    const others = sorted.filter((file) => rank(file) < 0);
    if (long.length === 0) return others;
    const before = (at: number): number => Math.floor((at * others.length) / long.length);
    return long.flatMap((file, at) => [file, ...others.slice(before(at), before(at + 1))]);
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
    // Each of them starts servers and agents of its own, and waits for them for most of its time.
    maxWorkers: 8,
    sequence: { sequencer: LongestFirst },
    // For a machine that does other things as well; what hangs is told all the same.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What is waited for comes when the machine has time for it.
    expect: { poll: { timeout: 20_000 } },
  },
});
