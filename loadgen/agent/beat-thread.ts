import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { BEAT_DESCRIPTOR, BEAT_EVERY_MS } from './beat.js';

/** What the thread of `startBeating` runs. */

const BEAT = Buffer.from('.');

function beat(): void {
  try {
    writeSync(BEAT_DESCRIPTOR, BEAT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    // Whoever had this process is gone, and so is its load, however busy the main thread may be.
    process.kill(process.pid, 'SIGKILL');
  }
}

beat();
parentPort?.postMessage('begun');
setInterval(beat, BEAT_EVERY_MS);
