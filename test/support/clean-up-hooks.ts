import { afterAll, afterEach, vi } from 'vitest';
import { cleanUpAfterFile, cleanUpAfterTest } from './clean-up.js';

// vitest runs this before every file of tests (`setupFiles`).
afterEach(cleanUpAfterTest);
// `restoreMocks` and `unstubEnvs` act before the next test; by then another file of tests may have taken its environment for its own.
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});
afterAll(cleanUpAfterFile);
