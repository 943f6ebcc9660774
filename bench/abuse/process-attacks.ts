import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType } from '../../protocol/frame.js';
import type { ServerStats } from '../../protocol/stats.js';
import { type AttackContext, inLanes } from './attack-context.js';
import { RawClient } from './raw-client.js';

const USER = 1000;
const STOPPED_USER = 2_000_000;
/** The nonce at which the handlers of this flood throw. */
export const THROW_AT_NONCE = 0xdead;

/** Handlers as they ship, with a fault; `shipped` is the URL of their module. */
export function faultyHandlers(shipped: string): string {
  return `import makeShipped from ${JSON.stringify(shipped)};
export default function makeHandlers(tools) {
  const shipped = makeShipped(tools);
  return {
    version: 'faulty',
    onFrame(client, frame) {
      if (frame.type === tools.FrameType.Ping && frame.nonce === ${THROW_AT_NONCE}) throw new Error('a fault in the handlers');
      shipped.onFrame(client, frame);
    },
  };
}
`;
}

/** Sends the frame that the handlers throw at, on one connection after another. */
export async function throwingHandler(context: AttackContext): Promise<void> {
  const frame = encodeFrame({ type: FrameType.Ping, nonce: THROW_AT_NONCE });
  await inLanes(4, context, async (lane) => {
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, USER + lane);
    client?.write(frame);
    context.tally.did('frame that throws');
    if (client) await Promise.race([client.closed, sleep(200)]);
    client?.leave();
  });
}

/** Stops a home as a debugger or a swapped-out process does, while users log in. It is to be noticed, and told. */
export async function stoppedHome(context: AttackContext): Promise<void> {
  const stats = (await (await fetch(`${context.adminUrl}/stats`)).json()) as ServerStats;
  // Homes are numbered behind the workers.
  const home = stats.workers.at(-1)?.pid;
  if (home === undefined) throw new Error('/stats names no home');
  process.kill(home, 'SIGSTOP');
  context.tally.did('home stopped');
  let isTold = false;
  let user = STOPPED_USER;
  try {
    await Promise.all([
      inLanes(1, context, async () => {
        isTold ||= (await healthStatus(context.adminUrl)) !== 200;
        const now = await restarts(context.adminUrl);
        isTold ||= now > stats.restarts.length;
        await sleep(200);
      }),
      inLanes(32, context, async () => {
        user += 1;
        context.tally.did('LOGIN while it is stopped');
        const client = await Promise.race([
          RawClient.loggedIn(context.ports.tcp, context.tally, user),
          sleep(2000),
        ]);
        client?.leave();
      }),
    ]);
  } finally {
    resume(home);
  }
  if (!isTold) context.tally.fault(`nobody noticed a home that stood still for ${context.seconds} s`);
}

async function healthStatus(adminUrl: string): Promise<number> {
  const response = await fetch(`${adminUrl}/healthz`, { signal: AbortSignal.timeout(2000) });
  return response.status;
}

async function restarts(adminUrl: string): Promise<number> {
  const response = await fetch(`${adminUrl}/stats`, { signal: AbortSignal.timeout(2000) });
  return ((await response.json()) as ServerStats).restarts.length;
}

function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    // The server has replaced it meanwhile, as it should.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
