import type { Coordinator } from '../loadgen/coordination/coordinator.js';
import type { RunControl } from '../loadgen/coordination/run-control.js';
import { type Listening, listenAtSocket } from './live-control-socket.js';

/** Lets a run of this process be asked for changes: on this machine, and by whatever way its agents are reached. */
export async function listenForRequests(control: RunControl, coordinator: Coordinator): Promise<Listening> {
  const local = await listenAtSocket(control);
  const notes = [...local.notes];
  const remote = coordinator.answer?.(control, (why) => {
    notes.push(`this run could not be asked for changes over NATS: ${why}`);
  });
  return {
    notes,
    close: () => {
      local.close();
      remote?.close();
    },
  };
}
