import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const ENTRY = '.json';
const HASH = /^[0-9a-f]{64}$/;

/** What is known of a file beside its content; stored as `<hash>.json` beside the content, `<hash>`. */
const entrySchema = z.object({
  hash: z.string().regex(HASH),
  type: z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/),
  bytes: z.number().int().min(0),
  /** Users who have uploaded it: they may fetch it without a key, and delete it. */
  owners: z.array(z.number().int().min(0)).min(1),
  storedAtMs: z.number().min(0),
  /** A small JPEG as Base64; null: it is no image. */
  thumbnail: z.string().nullable(),
});

export type MediaEntry = z.output<typeof entrySchema>;

/** An entry that cannot be what was written, or whose content cannot; the message names the file. */
export class DamagedEntryError extends Error {
  readonly code = 'C2M_MEDIA_DAMAGED';
}

export function isHash(text: string): boolean {
  return HASH.test(text);
}

export function contentPath(folder: string, hash: string): string {
  return join(folder, hash);
}

export function entryPath(folder: string, hash: string): string {
  return join(folder, hash + ENTRY);
}

/** The hash that `<hash>.json` speaks of; undefined for any other name. */
export function hashOfEntry(name: string): string | undefined {
  const hash = name.endsWith(ENTRY) ? name.slice(0, -ENTRY.length) : '';
  return isHash(hash) ? hash : undefined;
}

/**
 * Reads an entry, and looks whether its content is there.
 * @throws DamagedEntryError, or the system's error where the machine is short of something, such as descriptors
 */
export async function readEntry(folder: string, hash: string): Promise<MediaEntry> {
  const path = entryPath(folder, hash);
  const entry = parseEntry(await readFile(path, 'utf8').catch(asDamage(path)), path);
  if (entry.hash !== hash) throw new DamagedEntryError(`${path}: it is the entry of ${entry.hash}`);
  const content = contentPath(folder, hash);
  const found = await stat(content).catch(asDamage(content));
  if (!found.isFile()) throw new DamagedEntryError(`${content}: it is no file`);
  if (found.size !== entry.bytes) {
    throw new DamagedEntryError(`${content}: it has ${found.size} bytes instead of ${entry.bytes}`);
  }
  return entry;
}

function parseEntry(text: string, path: string): MediaEntry {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DamagedEntryError(`${path}: ${(error as Error).message}`);
  }
  const parsed = entrySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DamagedEntryError(`${path}: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** These speak of the one file; others, such as EMFILE, of the machine. */
const OF_THE_FILE = new Set(['ENOENT', 'EISDIR', 'ENOTDIR', 'EACCES', 'EPERM', 'EIO', 'ELOOP']);

function asDamage(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (!OF_THE_FILE.has(error.code ?? '')) throw error;
    throw new DamagedEntryError(`${path}: ${error.code === 'ENOENT' ? 'it is missing' : error.message}`);
  };
}
