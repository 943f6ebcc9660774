import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { builtEntry } from '../../entries.js';

/** Of an agent process whose machine is lent, beside 0, 1, 2 and that of the IPC: where it beats into. */
export const BEAT_DESCRIPTOR = 4;
export const BEAT_EVERY_MS = 500;

/**
 * A byte every `BEAT_EVERY_MS` from a thread of its own: a process whose main thread is busy beats, one that is stopped does not.
 * Resolves when it has begun.
 */
export async function startBeating(): Promise<void> {
  const thread = new Worker(builtEntry('agentBeat'));
  // It must neither keep the process, nor end it before its time.
  thread.unref();
  await once(thread, 'message');
}
