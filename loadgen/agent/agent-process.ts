import type { AgentPlan, FromAgent, ToAgent } from '../agent-messages.js';
import { loadDriver } from '../drivers/load-driver.js';
import { faultWords, ownFileOf } from '../drivers/own/own-fault.js';
import { makeFirstContact } from '../first-contact/first-contact.js';
import { probeEndpoints } from '../probe.js';
import { Agent } from './agent.js';
import { startBeating } from './beat.js';
import { IS_LENT, Lease, type Renewal } from './lease.js';

/** The entry of an agent process; whoever forks it is told everything, and it never outlives that process. */

let agent: Agent | undefined;
let lease: Lease | undefined;
let beating: Promise<void> | undefined;
/** Of a driver of somebody's own, whose faults are told by their place in it. */
let ownFile: string | undefined;

function tell(message: FromAgent): void {
  // Without a callback, a coordinator that dies meanwhile would be an error that nobody handles.
  if (process.connected) process.send?.(message, () => undefined);
}

async function obey(message: ToAgent): Promise<void> {
  if (message.kind === 'plan') {
    const { name, settings } = message.plan.driver;
    ownFile = ownFileOf(message.plan.driver);
    const notes = message.plan.asksFirst ? await askFirst(message.plan) : [];
    agent = new Agent(message.plan, await loadDriver(name, settings), tell);
    // From now on silence means that it is stopped.
    await beating;
    tell({ kind: 'ready', ...(notes.length > 0 ? { notes } : {}) });
    return;
  }
  agent?.obey(message);
}

function wordsOf(error: unknown): string {
  return ownFile === undefined ? (error as Error).message : faultWords(error, ownFile);
}

/**
 * The coordinator may be where the target cannot be reached.
 * @throws RunError when nothing listens there, or it speaks something else
 */
async function askFirst(plan: AgentPlan): Promise<string[]> {
  await probeEndpoints(plan.endpoints);
  return (await makeFirstContact(plan)).notes;
}

process.on('message', (message: ToAgent | Renewal) => {
  if (message.kind === 'renew') lease?.renew();
  else obey(message).catch((error: unknown) => tell({ kind: 'error', message: wordsOf(error) }));
});
// What a client met in a turn of its own; the coordinator hears of it before this process is gone.
process.on('uncaughtException', (error) => {
  if (!process.connected) process.exit(1);
  process.send?.({ kind: 'error', message: wordsOf(error) } satisfies FromAgent, () => process.exit(1));
});
process.on('disconnect', () => process.exit(0));
// A terminal's Ctrl-C reaches the whole process group; the coordinator decides what it means.
process.on('SIGINT', () => undefined);

if (process.argv[2] === IS_LENT) {
  beating = startBeating();
  lease = new Lease((words) => {
    tell({ kind: 'error', message: words });
    process.exit(1);
  });
}
