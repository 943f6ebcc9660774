import { type HomePlace, type HomeState, LARGEST_PEER, type Peer } from './membership.js';

/**
 * Keys and values of the table of a cluster. What is read there was written by another process, perhaps of another version: what
 * cannot be understood is taken for nothing.
 */

/** Rises when processes of before could not understand what those of after write. */
export const FORMAT_VERSION = 1;

/** What all processes of a cluster have to agree on: under `cluster`. */
export interface ClusterShape {
  readonly format: number;
  readonly homes: number;
  readonly replicas: number;
}

/** Under `peer.<number>`. */
export interface PeerEntry {
  readonly peer: Peer;
  /** One word for each time that a process came in: tells it from others that had the same number. */
  readonly life: string;
  /** Rises each time that it says that it is there. */
  readonly beat: number;
  /** What time it was there, milliseconds since 1970. */
  readonly clockMs?: number;
}

export const CLUSTER_KEY = 'cluster';
/** The last number that was given to a peer. */
export const NUMBERS_KEY = 'numbers';

export const peerKey = (number: number): string => `peer.${number}`;
export const isPeerKey = (key: string): boolean => key.startsWith('peer.');
export const homeKey = (home: number): string => `home.${home}`;
export const pinKey = (home: number): string => `pin.${home}`;
/** Keys are made of few characters; the name itself is in the value. */
export const drainKey = (node: string): string =>
  `drain.${node.replace(/[^-\w]/gu, (character) => `=${character.codePointAt(0)?.toString(16)}=`)}`;

export function readShape(value: unknown): ClusterShape | undefined {
  if (!isRecord(value)) return undefined;
  const { format, homes, replicas } = value;
  return isCount(format) && isCount(homes) && isCount(replicas) ? { format, homes, replicas } : undefined;
}

/** Hot path: every beat of every peer. */
export function readPeer(value: unknown, number: number): PeerEntry | undefined {
  if (!isRecord(value) || typeof value.life !== 'string' || !isCount(value.beat)) return undefined;
  if (value.clockMs !== undefined && typeof value.clockMs !== 'number') return undefined;
  const { peer } = value;
  if (!isRecord(peer) || peer.number !== number || !isPeerNumber(number)) return undefined;
  const { node, worker, instance, versions, addresses, isLeaving } = peer;
  const isPeer =
    typeof node === 'string' &&
    isCount(worker) &&
    (instance === undefined || typeof instance === 'string') &&
    isRecord(versions) &&
    isCount(versions.oldest) &&
    isCount(versions.newest) &&
    Array.isArray(addresses) &&
    addresses.every((address) => typeof address === 'string') &&
    typeof isLeaving === 'boolean';
  return isPeer ? (value as unknown as PeerEntry) : undefined;
}

export function readPlace(value: unknown, home: number): HomePlace | undefined {
  if (!isRecord(value)) return undefined;
  const { owner, epoch, state, next } = value;
  if (value.home !== home || !isCount(owner) || owner > LARGEST_PEER || !isCount(epoch) || !isState(state))
    return undefined;
  const isPlace = next === undefined ? state !== 'moving' : isCount(next) && isPeerNumber(next);
  return isPlace ? (value as unknown as HomePlace) : undefined;
}

export function readNumber(value: unknown): number | undefined {
  return isCount(value) && isPeerNumber(value) ? value : undefined;
}

/** Of `drain.*` and `pin.*`. */
export function readNode(value: unknown): string | undefined {
  return isRecord(value) && typeof value.node === 'string' ? value.node : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPeerNumber(value: number): boolean {
  return value >= 1 && value <= LARGEST_PEER;
}

function isState(value: unknown): value is HomeState {
  return value === 'opening' || value === 'open' || value === 'moving';
}
