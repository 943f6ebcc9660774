import type { FromAgent, ToAgent } from '../agent-messages.js';
import { loadDriver } from '../drivers/load-driver.js';
import { Agent } from './agent.js';

/** The entry of an agent process; the coordinator forks it, and it never outlives the coordinator. */

let agent: Agent | undefined;

function tell(message: FromAgent): void {
  // Without a callback, a coordinator that dies meanwhile would be an error that nobody handles.
  if (process.connected) process.send?.(message, () => undefined);
}

async function obey(message: ToAgent): Promise<void> {
  if (message.kind === 'plan') {
    const { name, settings } = message.plan.driver;
    agent = new Agent(message.plan, await loadDriver(name, settings), tell);
    tell({ kind: 'ready' });
    return;
  }
  agent?.obey(message);
}

process.on('message', (message: ToAgent) => {
  obey(message).catch((error: Error) => tell({ kind: 'error', message: error.message }));
});
// What a client met in a turn of its own; the coordinator hears of it before this process is gone.
process.on('uncaughtException', (error) => {
  if (!process.connected) process.exit(1);
  process.send?.({ kind: 'error', message: error.message } satisfies FromAgent, () => process.exit(1));
});
process.on('disconnect', () => process.exit(0));
// A terminal's Ctrl-C reaches the whole process group; the coordinator decides what it means.
process.on('SIGINT', () => undefined);
