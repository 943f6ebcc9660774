import type { RunRecord } from '../record/run.js';

/** Whether the server is known to have run on the host of the agents: the lab started it. */
export function isServerHere({ target }: RunRecord): boolean {
  return target.kind !== 'external';
}
