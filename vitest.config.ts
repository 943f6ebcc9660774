import { defineConfig } from 'vitest/config';

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
    maxWorkers: 4,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes when the machine has time for it.
    expect: { poll: { timeout: 20_000 } },
  },
});
