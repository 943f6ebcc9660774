import type { ServerConfigInput } from '../../server/config.js';
import type { AttackName } from './attacks.js';

/** How the server is spread over processes. */
export const SHAPES = {
  one: { label: 'one process', workers: 1, homes: 0 },
  workers: { label: '2 workers', workers: 2, homes: 0 },
  homes: { label: '2 workers, 2 homes', workers: 2, homes: 2 },
} as const;

export type ShapeName = keyof typeof SHAPES;

/** One flood, and what may come of it. */
export interface AbuseCase {
  name: string;
  /** What the attacker does. */
  about: string;
  attack: AttackName;
  shapes: ShapeName[];
  /** Default: lmdb. */
  store?: 'lmdb' | 'memory';
  /** Over those of all cases. @param folder that is removed afterwards */
  settings?(folder: string): Partial<ServerConfigInput>;
  /** Open files that each process of the server may have. */
  openFiles?: number;
  /** The folder is a disk of this size. Only root can have that. */
  diskBytes?: number;
  /** What it may hold beyond its budget: the mailboxes that are kept in memory, counted. */
  keptBytes?: number;
  /** The flood lasts this long at least. */
  leastSeconds?: number;
  /** A friend of this user writes now and then, and is never to be refused. */
  friendOf?: number;
  /** The fault is made on purpose, and what is usually a failure is what is to come of it. */
  mayRestart?: boolean;
  mayRefuse?: boolean;
  maySlowDown?: boolean;
}
