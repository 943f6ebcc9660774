import { setTimeout as sleep } from 'node:timers/promises';
import type { Tally } from './tally.js';

/** What an attacker is told. */
export interface AttackOrder {
  attack: string;
  ports: { tcp: number; tls: number; ws: number };
  adminUrl: string;
  mediaUrl: string | null;
  seconds: number;
  /** Where it may look what the server has put on the disk. */
  folder: string;
}

export interface AttackContext extends AttackOrder {
  tally: Tally;
  isOver(): boolean;
  /** Resolves when the time of the attack is over. */
  over: Promise<void>;
}

export interface Attack {
  /** Takes time, and is not part of the flood. */
  prepare?(): Promise<void>;
  run(context: AttackContext): Promise<void>;
}

const PAUSE_MS = 50;

/** The same, over after `ms`. */
export function lasting<Order extends object>(
  order: Order,
  ms: number,
): Order & Pick<AttackContext, 'isOver' | 'over'> {
  const endMs = performance.now() + ms;
  return { ...order, isOver: () => performance.now() >= endMs, over: sleep(ms) };
}

/**
 * Runs `body` again and again until the time is over, in `count` lanes. One that is not done by then is left where it is:
 * a server under attack may never take what is written. One that throws, throws for all.
 */
export async function inLanes(
  count: number,
  context: AttackContext,
  body: (lane: number) => Promise<void>,
): Promise<void> {
  const lane = async (number: number) => {
    while (!context.isOver()) {
      await Promise.race([body(number), context.over]);
      await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: count }, (_, number) => lane(number)));
}
