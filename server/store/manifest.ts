import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { OWNER_FILE } from './folder-lock.js';
import { StoreError } from './home-store.js';

/** Names everything that the server made in its folder. What it does not name is never touched. */
export const MANIFEST = 'c2m-store.json';

/** Written beside it first: a manifest is there whole, or as it was. */
const FRESH_MANIFEST = `${MANIFEST}.new`;

/** How entries are kept, in the code of today. */
export const STORE_FORMAT = 2;

const SCHEMA = 'c2m.store/2';
const NEWEST_SCHEMA = 2;

/**
 * One folder with the files of all homes. `creating` is written before the first of it is made, and `ready` after the
 * last; an `obsolete` one was replaced, and is being deleted.
 */
const generationSchema = z.object({
  folder: z.string().regex(/^[1-9]\d{0,8}$/),
  state: z.enum(['creating', 'ready', 'obsolete']),
  format: z.number().int().min(1),
  homes: z.number().int().min(1),
});
export type Generation = z.infer<typeof generationSchema>;

const manifestSchema = z.object({ schema: z.literal(SCHEMA), generations: z.array(generationSchema) });

/** Of the version before, which named one generation. */
const version1Schema = z.object({
  schema: z.literal('c2m.store/1'),
  homes: z.number().int().min(1),
  generation: z.number().int().min(1),
});

/**
 * What the server made in `folder`; nothing where it has not begun yet.
 * @throws StoreError for a folder of somebody else, of a newer version, or whose manifest is lost
 */
export function readManifest(folder: string): Generation[] {
  const path = join(folder, MANIFEST);
  const names = readdirSync(folder).filter((name) => name !== OWNER_FILE && name !== FRESH_MANIFEST);
  if (names.length === 0) return [];
  if (!names.includes(MANIFEST)) throw withoutManifest(folder, names);
  const content = parseJson(readFileSync(path, 'utf8'));
  const schema = /^c2m\.store\/(\d+)$/.exec(String((content as { schema?: unknown } | null)?.schema))?.[1];
  if (Number(schema) > NEWEST_SCHEMA) throw madeByNewer(folder);
  const first = version1Schema.safeParse(content);
  if (first.success) {
    const { generation, homes } = first.data;
    return [{ folder: String(generation), state: 'ready', format: 1, homes }];
  }
  const read = manifestSchema.safeParse(content);
  if (!read.success) {
    throw new StoreError(
      `${path} cannot be read as the manifest of a c2m store; restore it from a backup, or name another folder`,
    );
  }
  if (read.data.generations.some(({ format }) => format > STORE_FORMAT)) throw madeByNewer(folder);
  return read.data.generations;
}

export function writeManifest(folder: string, generations: Generation[]): void {
  const fresh = join(folder, FRESH_MANIFEST);
  const content = JSON.stringify({ schema: SCHEMA, generations }, null, 2);
  writeFileSync(fresh, `${content}\n`, { flush: true, mode: 0o600 });
  renameSync(fresh, join(folder, MANIFEST));
  syncFolder(folder);
}

/** Until then a power cut may take back what was created, renamed or deleted in it. */
export function syncFolder(folder: string): void {
  // Windows has no descriptors of folders.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The generation that has the mailboxes; undefined: none was finished yet. */
export function readyOf(generations: Generation[]): Generation | undefined {
  return generations.find(({ state }) => state === 'ready');
}

/** A folder name for the next generation that is nobody's yet. */
export function nextFolder(folder: string, generations: Generation[]): string {
  const taken = new Set([...readdirSync(folder), ...generations.map((each) => each.folder)]);
  let next = 1 + Math.max(0, ...generations.map((each) => Number(each.folder)));
  while (taken.has(String(next))) next += 1;
  return String(next);
}

function withoutManifest(folder: string, names: string[]): StoreError {
  const isOurs = names.some((name) => /^\d+$/.test(name) && hasHomes(join(folder, name)));
  return new StoreError(
    isOurs
      ? `${folder} holds mailboxes, and no ${MANIFEST} that says which of them count; nothing was changed: restore that file from a backup, or move the folder away to begin with empty mailboxes`
      : `${folder} holds files, and no ${MANIFEST}: it is not a store of c2m; name an empty folder, or one that does not exist`,
  );
}

function hasHomes(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => /^home-\d+$/.test(name));
  } catch {
    // A file, or closed to us: then it is none of ours.
    return false;
  }
}

function madeByNewer(folder: string): StoreError {
  return new StoreError(
    `${folder} was made by a newer c2m, and this one cannot read it; nothing was changed: use that version, or name another folder`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The schema tells of it, in one message for whatever is wrong.
    return undefined;
  }
}
