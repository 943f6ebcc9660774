import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** What is known of a file beside its content. */
export interface MediaEntry {
  hash: string;
  type: string;
  bytes: number;
  /** Users who have uploaded it: they may fetch it without a key, and delete it. */
  owners: number[];
  storedAtMs: number;
  /** A small JPEG as Base64; null: it is no image. */
  thumbnail: string | null;
}

const KEY_BYTES = 16;
const ENTRY = '.json';
/** Of an upload that was broken off and not taken up again. */
const PARTIAL_RETENTION_MS = 24 * 3600 * 1000;

/**
 * Files named by the SHA-256 of their content, so that no name of a client ever becomes a path, and the same file is
 * kept once. An upload goes to a partial file of its user first, and becomes a file once its content is what its name
 * says.
 */
export class MediaStore {
  readonly #folder: string;
  readonly #secret: Buffer;
  bytes = 0;
  files = 0;

  private constructor(folder: string, secret: Buffer) {
    this.#folder = folder;
    this.#secret = secret;
  }

  /** @throws the system's error where the folder cannot be had */
  static async open(folder: string): Promise<MediaStore> {
    mkdirSync(join(folder, 'partial'), { recursive: true });
    const secretFile = join(folder, 'secret');
    if (!existsSync(secretFile)) writeFileSync(secretFile, randomBytes(32), { mode: 0o600 });
    const store = new MediaStore(folder, readFileSync(secretFile));
    for (const entry of await store.#entries()) {
      store.files += 1;
      store.bytes += entry.bytes;
    }
    return store;
  }

  pathOf(hash: string): string {
    return join(this.#folder, hash);
  }

  async find(hash: string): Promise<MediaEntry | undefined> {
    const text = await readFile(this.pathOf(hash) + ENTRY, 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as MediaEntry);
  }

  /** What opens a file to whoever was sent the link. */
  keyOf(hash: string): string {
    return createHmac('sha256', this.#secret)
      .update(hash)
      .digest()
      .subarray(0, KEY_BYTES)
      .toString('base64url');
  }

  isKey(hash: string, given: string): boolean {
    const expected = Buffer.from(this.keyOf(hash));
    const presented = Buffer.from(given);
    return presented.length === expected.length && timingSafeEqual(presented, expected);
  }

  /** Bytes of `hash` that `user` has uploaded so far. */
  async partialBytes(user: number, hash: string): Promise<number> {
    const found = await stat(this.partialPath(user, hash)).catch(() => undefined);
    return found?.size ?? 0;
  }

  partialPath(user: number, hash: string): string {
    return join(this.#folder, 'partial', `${user}-${hash}`);
  }

  /** Appends to the upload; what came before an interruption stays. @throws where the stream breaks off */
  async append(user: number, hash: string, content: Readable, offset: number): Promise<void> {
    const flags = offset === 0 ? 'w' : 'a';
    await pipeline(content, createWriteStream(this.partialPath(user, hash), { flags }));
  }

  async dropPartial(user: number, hash: string): Promise<void> {
    await rm(this.partialPath(user, hash), { force: true });
  }

  /** True where the content of the upload is what its name says. */
  async isWhole(user: number, hash: string): Promise<boolean> {
    const digest = createHash('sha256');
    await pipeline(createReadStream(this.partialPath(user, hash)), digest);
    return digest.digest('hex') === hash;
  }

  /** Turns the upload into a file. */
  async keep(user: number, hash: string, type: string, thumbnail: string | null): Promise<MediaEntry> {
    const known = await this.find(hash);
    const bytes = await this.partialBytes(user, hash);
    const entry: MediaEntry = known
      ? { ...known, owners: [...new Set([...known.owners, user])] }
      : { hash, type, bytes, owners: [user], storedAtMs: Date.now(), thumbnail };
    // The content first: an entry says that it is there.
    await rename(this.partialPath(user, hash), this.pathOf(hash));
    await this.#write(entry);
    if (!known) {
      this.files += 1;
      this.bytes += bytes;
    }
    return entry;
  }

  /** Gone for this user; the file goes with its last owner. */
  async remove(user: number, entry: MediaEntry): Promise<void> {
    const owners = entry.owners.filter((owner) => owner !== user);
    if (owners.length > 0) await this.#write({ ...entry, owners });
    else await this.#delete(entry);
  }

  /** Deletes what is older than `retentionMs`, and uploads that nobody goes on with. @returns files deleted */
  async expire(retentionMs: number, nowMs = Date.now()): Promise<number> {
    const old = (await this.#entries()).filter(({ storedAtMs }) => storedAtMs < nowMs - retentionMs);
    for (const entry of old) await this.#delete(entry);
    const partials = join(this.#folder, 'partial');
    for (const name of await readdir(partials)) {
      const found = await stat(join(partials, name)).catch(() => undefined);
      if (found && found.mtimeMs < nowMs - PARTIAL_RETENTION_MS)
        await rm(join(partials, name), { force: true });
    }
    return old.length;
  }

  async #delete(entry: MediaEntry): Promise<void> {
    await rm(this.pathOf(entry.hash) + ENTRY, { force: true });
    await rm(this.pathOf(entry.hash), { force: true });
    this.files -= 1;
    this.bytes -= entry.bytes;
  }

  async #write(entry: MediaEntry): Promise<void> {
    const path = this.pathOf(entry.hash) + ENTRY;
    await writeFile(`${path}.new`, JSON.stringify(entry));
    await rename(`${path}.new`, path);
  }

  async #entries(): Promise<MediaEntry[]> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(ENTRY));
    const entries = await Promise.all(names.map((name) => this.find(name.slice(0, -ENTRY.length))));
    return entries.filter((entry) => entry !== undefined);
  }
}
