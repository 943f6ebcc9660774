import { afterAll, afterEach } from 'vitest';
import { cleanUpAfterFile, cleanUpAfterTest } from './clean-up.js';

// vitest runs this before every file of tests (`setupFiles`).
afterEach(cleanUpAfterTest);
afterAll(cleanUpAfterFile);
