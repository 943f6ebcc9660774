import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError, StoreFailure } from '../home-store.js';
import { DATA_FILE, LOCK_FILE } from '../lmdb-store.js';
import { FencedError } from './fenced-error.js';
import type { HomeLog } from './home-log.js';
import { isSame, Lineage, type Place } from './lineage.js';
import { LocalState } from './local-state.js';
import { isPassing, patiently } from './patience.js';
import { decodeRecord, encodeFence, type LogRecord, type Owner, RecordError } from './record.js';
import type { Snapshot, Snapshots } from './snapshots.js';

/** Changes of the log that go into the local state in one transaction. */
const BATCH_BYTES = 4 * 2 ** 20;
/** A snapshot that another owner writes over while it is read is no damage: there is a newer one. */
const ATTEMPTS = 5;

/** How long the parts of a takeover took, and what was read. */
export interface Takeover {
  /** Until nobody before could write to the log any more. */
  readonly fencedMs: number;
  readonly snapshotMs: number;
  readonly replayMs: number;
  /** 0: there was none. */
  readonly snapshotBytes: number;
  /** Of the log behind it. */
  readonly records: number;
  readonly bytes: number;
}

export interface TakeoverOptions {
  log: HomeLog;
  snapshots: Snapshots;
  owner: Owner;
  /** Empty. */
  folder: string;
  maxBytes: number;
  tell(line: string): void;
}

export interface TakenOver {
  state: LocalState;
  /** Sequence of the fence: all before it is in the state. */
  fence: number;
  takeover: Takeover;
}

/**
 * Fences the log off from its owner before, and makes its state here.
 * @throws FencedError where that has a higher epoch, StoreError where the state cannot be made
 */
export async function takeOver(options: TakeoverOptions): Promise<TakenOver> {
  const { log, owner, snapshots } = options;
  const beganMs = performance.now();
  // Before the log, which goes on meanwhile; and before a fence, which would make a log that was lost longer with each attempt.
  const known = Math.max(0, ...(await snapshots.list()).map(({ sequence }) => sequence));
  const { last_seq: last } = await log.state();
  if (known > last) throw lostLog(options, last, known);
  const newest = last > 0 ? await readIfWhole(log, last) : undefined;
  if (newest && newest.owner.epoch > owner.epoch) throw fencedBy(options, newest.owner);
  // At the end, wherever that is: an owner that does not know that it was replaced may be writing all the while. What it
  // has under way then is void, as lineage.ts has it.
  const fence = await log.append(encodeFence(owner));
  const fencedMs = performance.now() - beganMs;
  const { state, snapshot } = await loadSnapshot(options);
  try {
    const loadedMs = performance.now();
    const { place } = state;
    if (place.owner.epoch > owner.epoch) throw fencedBy(options, place.owner);
    if (place.sequence > fence) throw lostLog(options, fence, place.sequence);
    const replayed = await replay(options, state, fence);
    const takeover = {
      fencedMs,
      snapshotMs: loadedMs - beganMs - fencedMs,
      replayMs: performance.now() - loadedMs,
      snapshotBytes: snapshot?.bytes ?? 0,
      ...replayed,
    };
    return { state, fence, takeover };
  } catch (error) {
    await state.close();
    throw error;
  }
}

function lostLog({ log }: TakeoverOptions, end: number, snapshot: number): StoreError {
  const { stream, slots, bucket } = log.names;
  return new StoreError(
    `${stream}: the log ends at ${end}, before its snapshot of ${snapshot}: it was lost or made anew; restore the stream, or remove the objects ${slots.join(' and ')} of the bucket ${bucket} to begin with what the log has`,
  );
}

/** A damaged one is told of where it is read again, if it still matters. */
async function readIfWhole(log: HomeLog, sequence: number): Promise<LogRecord | undefined> {
  try {
    return await patiently(() => log.read(sequence));
  } catch (error) {
    if (error instanceof RecordError) return undefined;
    throw error;
  }
}

/** The newest snapshot that is whole and that the log continues; or nothing, where the log has its beginning. */
async function loadSnapshot(
  options: TakeoverOptions,
): Promise<{ state: LocalState; snapshot: Snapshot | undefined }> {
  const { log, snapshots, folder, maxBytes, tell } = options;
  let told = '';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const found = await snapshots.list();
    // Looked up after them: whoever still purges keeps what the newest needs.
    const { first_seq: first } = await log.state();
    const reaching = found.filter(({ sequence }) => sequence + 1 >= first);
    for (const snapshot of reaching) {
      try {
        return { state: await restore(options, snapshot), snapshot };
      } catch (error) {
        // Another would fare no better.
        if (isPassing(error) || error instanceof StoreFailure) throw error;
        told = (error as Error).message;
        tell(`home snapshot ${snapshot.slot} of ${snapshot.sequence}: ${told}; the one before is tried`);
      }
    }
    clear(folder);
    if (first <= 1) return { state: new LocalState(folder, maxBytes), snapshot: undefined };
    const isSame = (await snapshots.list()).every(({ revision }) =>
      found.some((before) => before.revision === revision),
    );
    if (isSame) break;
  }
  throw new StoreError(
    `${log.names.stream}: no whole snapshot reaches what is left of the log${told && ` (${told})`}; restore the objects ${log.names.slots.join(' or ')} of the bucket ${log.names.bucket}, or remove the stream to begin with empty mailboxes`,
  );
}

async function restore(
  { snapshots, folder, maxBytes }: TakeoverOptions,
  snapshot: Snapshot,
): Promise<LocalState> {
  clear(folder);
  const state = new LocalState(folder, maxBytes);
  try {
    await snapshots.read(snapshot, state.restorer());
    state.restored();
    if (state.place.sequence !== snapshot.sequence) throw new Error('it is not of what it says');
    return state;
  } catch (error) {
    await state.close();
    throw error;
  }
}

function clear(folder: string): void {
  for (const name of [DATA_FILE, LOCK_FILE]) rmSync(join(folder, name), { force: true });
}

/** Brings the state from its place up to the fence. */
async function replay(
  options: TakeoverOptions,
  state: LocalState,
  fence: number,
): Promise<Pick<Takeover, 'records' | 'bytes'>> {
  const { log, owner } = options;
  const lineage = new Lineage(state.place);
  let next = state.place.sequence + 1;
  const from = next;
  let bytes = 0;
  let unkept = 0;
  let place: Place | undefined;
  const keep = (): void => {
    if (place) state.keep(place);
    place = undefined;
    unkept = 0;
  };
  await log.readThrough(from, fence, (sequence, data) => {
    if (sequence !== next)
      throw new StoreError(`${log.names.stream}: messages ${next} to ${sequence - 1} are missing`);
    next += 1;
    bytes += data.length;
    try {
      const record = decodeRecord(data);
      const turn = lineage.take(record);
      if (!turn) return;
      state.apply(turn);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      throw new StoreError(
        `${log.names.stream}: message ${sequence} ${error.message}; restore the stream from a backup`,
      );
    }
    place = { sequence, owner: lineage.owner, number: lineage.number };
    unkept += data.length;
    if (unkept >= BATCH_BYTES) keep();
  });
  keep();
  if (!isSame(lineage.owner, owner)) throw fencedBy(options, lineage.owner);
  return { records: next - from, bytes };
}

function fencedBy({ log, owner }: TakeoverOptions, other: Owner): FencedError {
  return new FencedError(
    `${log.names.stream}: an owner of epoch ${other.epoch} has it, and this one is of epoch ${owner.epoch}`,
    other.epoch,
  );
}
