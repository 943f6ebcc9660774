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
}

export interface Attack {
  /** Takes time, and is not part of the flood. */
  prepare?(): Promise<void>;
  run(context: AttackContext): Promise<void>;
}

const PAUSE_MS = 50;

/** Runs `body` again and again until the time is over, in `count` lanes. One that throws, throws for all. */
export async function inLanes(
  count: number,
  context: AttackContext,
  body: (lane: number) => Promise<void>,
): Promise<void> {
  const lane = async (number: number) => {
    while (!context.isOver()) {
      await body(number);
      await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: count }, (_, number) => lane(number)));
}

/** Until the time of the attack is over. */
export async function untilOver(context: AttackContext): Promise<void> {
  while (!context.isOver()) await sleep(PAUSE_MS);
}
