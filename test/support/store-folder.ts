import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType } from '../../protocol/frame.js';
import { takeHome } from '../../server/store/home-folder.js';
import { openLmdb } from '../../server/store/lmdb-store.js';
import { homeFolder, takeStoreFolder } from '../../server/store/store-folder.js';
import { itemKey, KeyKind, numbersKey } from '../../server/store/store-keys.js';
import { fromVersion1 } from '../../server/store/version-1.js';

export interface TestEntry {
  key: Buffer;
  value: Buffer;
}

/** A line an entry, in the order of their keys: a difference between thousands of them is found and printed fast. */
export function linesOf(entries: TestEntry[]): string[] {
  return entries.map(({ key, value }) => `${key.toString('hex')} ${value.toString('hex')}`).sort();
}

/** A message to each of `users`, as the first version kept it, and a note of each. */
export function entriesOfVersion1(users: number, payloadBytes = 60): TestEntry[] {
  return Array.from({ length: users }, (_, at) => at + 1).flatMap((user) => {
    const payload = Buffer.alloc(payloadBytes, `to ${user} `);
    const frame = encodeFrame({ type: FrameType.Deliver, sequence: 1, flags: 0, from: 7, id: user, payload });
    const value = Buffer.alloc(8 + frame.length);
    value.writeDoubleLE(1000, 0);
    value.set(frame, 8);
    return [
      { key: itemKey(user, 1), value },
      { key: numbersKey(KeyKind.Receipt, user, 3), value: Buffer.from(`note of ${user}`) },
    ];
  });
}

export function entriesOf(users: number, payloadBytes?: number): TestEntry[] {
  return entriesOfVersion1(users, payloadBytes).map(({ key, value }) => ({
    key,
    value: fromVersion1(key, value),
  }));
}

/** Puts entries into LMDB as a home that is closed in order would. */
export async function fillHome(folder: string, home: number, entries: TestEntry[]): Promise<void> {
  const taken = await takeHome(homeFolder(folder, home));
  await fillLmdb(taken.path, entries);
  taken.release();
}

export async function fillLmdb(path: string, entries: TestEntry[]): Promise<void> {
  mkdirSync(path, { recursive: true });
  const database = openLmdb(path, false);
  for (let at = 0; at < entries.length; at += 500) {
    database.transactionSync(() => {
      for (const { key, value } of entries.slice(at, at + 500)) database.putSync(key, value);
    });
  }
  await database.close();
}

/** A folder made ready for `homes` and given back. */
export async function storeFolder(folder: string, homes = 1): Promise<string> {
  (await takeStoreFolder(folder, homes)).release();
  return folder;
}

/** All entries of a home, in the order of their keys. */
export async function readHome(folder: string, home: number): Promise<TestEntry[]> {
  const database = openLmdb(homeFolder(folder, home), false);
  const entries = [...database.getRange()].map(({ key, value }) => ({ key, value }));
  await database.close();
  return entries;
}

export async function readHomes(folder: string, homes: number): Promise<TestEntry[]> {
  const entries: TestEntry[] = [];
  for (let home = 0; home < homes; home += 1) entries.push(...(await readHome(folder, home)));
  return entries;
}

/** Every file with a digest of its content, but for what locks alone are kept in. */
export function snapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !['owner', 'lock.mdb'].includes(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`);
}

const OWNER = `
  import { takeStoreFolder } from '#dist/server/store/store-folder.js';
  const [folder, homes] = process.argv.slice(1);
  process.stdout.write('begun\\n');
  try {
    await takeStoreFolder(folder, Number(homes));
    process.stdout.write('taken\\n');
    process.stdin.resume();
  } catch (error) {
    process.stdout.write(error.code + ' ' + error.message + '\\n');
    process.exit(1);
  }
`;

interface OwnerOptions {
  homes?: number;
  /** Runs what stands behind it, such as `setpriv`. */
  wrapper?: string[];
  script?: string;
}

/** A process that takes a folder, says so or why not, and keeps it until it is killed. */
export function folderOwner(
  folder: string,
  { homes = 1, wrapper = [], script = OWNER }: OwnerOptions = {},
): FolderOwner {
  const node = [process.execPath, '--input-type=module', '-e', script, folder, String(homes)];
  const [command = '', ...rest] = [...wrapper, ...node];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit').then(() => undefined);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextLine = async () => ((await lines.next()).value as string | undefined) ?? '';
  const begun = script === OWNER ? nextLine() : Promise.resolve('begun');
  return {
    child,
    begun: begun.then(() => undefined),
    said: begun.then(nextLine),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export interface FolderOwner {
  child: ChildProcess;
  /** It is up, and begins to take the folder. */
  begun: Promise<void>;
  /** Empty where it was killed before. */
  said: Promise<string>;
  kill(): Promise<void>;
}
