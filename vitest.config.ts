import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real servers and agents are forked by the tests; worker threads cannot own a cluster.
    pool: 'forks',
    // Most of a test is waiting: for a phase to end, for a server to come back.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
