import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { steadyNow } from '../steady-clock.js';
import { type HeldLock, lockFolder, OWNER_FILE } from '../store/folder-lock.js';
import { DamagedFiles } from './damaged-files.js';
import { FileIndex } from './file-index.js';
import { KeyedMutex } from './keyed-mutex.js';
import { LinkKeys } from './link-key.js';
import type { MediaConfig } from './media-config.js';
import { contentPath, DamagedEntryError, entryPath, type MediaEntry, readEntry } from './media-entry.js';
import { scanMedia } from './media-scan.js';
import { closeToOthers, FILE_MODE, privateFolder, writeWhole } from './private-files.js';
import { Refusal } from './refusal.js';
import { Room } from './room.js';
import { type Upload, Uploads } from './uploads.js';

/** Each is a number in the entry, which is written anew with every one. */
const MOST_OWNERS = 10_000;

export type StoreLimits = Pick<
  MediaConfig,
  'totalBytes' | 'userBytes' | 'userUploads' | 'keepFreeBytes' | 'retentionMs'
>;

/**
 * Files named by the SHA-256 of their content, so that no name of a client ever becomes a path, and the same file is
 * kept once. Whoever changes a file has it alone meanwhile (`#owner`); reading waits for nobody.
 */
export class MediaStore {
  readonly keys: LinkKeys;
  readonly uploads: Uploads;
  readonly #folder: string;
  readonly #limits: StoreLimits;
  readonly #damaged: DamagedFiles;
  readonly #index: FileIndex;
  readonly #log: Logger;
  readonly #lock: HeldLock;
  readonly #owner = new KeyedMutex();
  #isExpiring = false;

  private constructor(
    folder: string,
    limits: StoreLimits,
    parts: { keys: LinkKeys; uploads: Uploads; damaged: DamagedFiles; index: FileIndex; lock: HeldLock },
    log: Logger,
  ) {
    this.#folder = folder;
    this.#limits = limits;
    this.keys = parts.keys;
    this.uploads = parts.uploads;
    this.#damaged = parts.damaged;
    this.#index = parts.index;
    this.#lock = parts.lock;
    this.#log = log;
  }

  /**
   * The folder is this process's alone until `close`: two that count its files and its room would each be wrong.
   * @throws Error that names the folder or the file which cannot be had; a damaged file is set aside instead
   */
  static async open(folder: string, limits: StoreLimits, log: Logger): Promise<MediaStore> {
    await privateFolder(folder, log);
    const lock = await lockFolder(folder);
    try {
      await closeToOthers(join(folder, OWNER_FILE), FILE_MODE);
      return await MediaStore.#read(folder, limits, log, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  static async #read(folder: string, limits: StoreLimits, log: Logger, lock: HeldLock): Promise<MediaStore> {
    const room = new Room(limits.totalBytes, limits.userBytes);
    const keys = await LinkKeys.open(folder);
    const uploads = await Uploads.open(join(folder, 'partial'), room, limits, log);
    const damaged = await DamagedFiles.open(folder, room, log);
    const index = new FileIndex(room);
    await scanMedia(folder, index, damaged, log);
    return new MediaStore(folder, limits, { keys, uploads, damaged, index, lock }, log);
  }

  /** Gives the folder back. */
  close(): void {
    this.#lock.release();
  }

  get usage(): {
    files: number;
    bytes: number;
    unfinished: number;
    unfinishedBytes: number;
    damaged: number;
  } {
    return {
      files: this.#index.files,
      bytes: this.#index.bytes,
      unfinished: this.uploads.count,
      unfinishedBytes: this.uploads.takenBytes,
      damaged: this.#damaged.count,
    };
  }

  /** Takes as long for a file of somebody else as for none. */
  isOwner(user: number, hash: string): boolean {
    return this.#index.isOwner(user, hash);
  }

  /** Undefined as well for a file that turns out to be damaged: it is set aside. */
  async find(hash: string): Promise<MediaEntry | undefined> {
    if (!this.#index.has(hash)) return undefined;
    try {
      return await readEntry(this.#folder, hash);
    } catch (error) {
      if (!(error instanceof DamagedEntryError)) throw error;
      // Somebody may be deleting it just now: once they have done, it is looked at again.
      return this.#owner.run(hash, () => this.#findAlone(hash));
    }
  }

  /** A user who has the file shows it again: it is as new. Undefined where the user has none. */
  async renew(user: number, hash: string): Promise<MediaEntry | undefined> {
    if (!this.isOwner(user, hash)) return undefined;
    return this.#owner.run(hash, async () => {
      const entry = await this.#findAlone(hash);
      if (!entry?.owners.includes(user)) return undefined;
      return this.#write({ ...entry, storedAtMs: Date.now() });
    });
  }

  /** Turns an upload whose content was looked at into a file, or makes its user an owner of the file that is there. */
  keep(upload: Upload, bytes: number, type: string, thumbnail: string | null): Promise<MediaEntry> {
    const { user, hash } = upload;
    return this.#owner.run(hash, async () => {
      const known = await this.#findAlone(hash);
      const owners = [...new Set([...(known?.owners ?? []), user])];
      if (owners.length > MOST_OWNERS)
        throw new Refusal(507, 'TooManyOwners', `${MOST_OWNERS} users have this file; send on a link to it`);
      // The content first: an entry says that it is there. Over a known one: the content is the same.
      await rename(upload.path, contentPath(this.#folder, hash));
      try {
        const entry = known ?? { hash, type, bytes, thumbnail };
        return await this.#write({ ...entry, owners, storedAtMs: Date.now() });
      } catch (error) {
        if (!known) await rm(contentPath(this.#folder, hash), { force: true });
        throw error;
      } finally {
        this.uploads.forget(upload);
      }
    });
  }

  /** Gone for this user; the file goes with its last owner. @returns false where the user has no such file */
  async remove(user: number, hash: string): Promise<boolean> {
    if (!this.isOwner(user, hash)) return false;
    return this.#owner.run(hash, async () => {
      const entry = await this.#findAlone(hash);
      if (!entry?.owners.includes(user)) return false;
      const owners = entry.owners.filter((owner) => owner !== user);
      if (owners.length > 0) await this.#write({ ...entry, owners });
      else await this.#delete(hash);
      return true;
    });
  }

  /** Deletes what is too old: files, uploads that nobody goes on with, what was set aside. */
  async expire(): Promise<void> {
    if (this.#isExpiring) return;
    this.#isExpiring = true;
    try {
      const nowMs = steadyNow();
      const beforeMs = nowMs - this.#limits.retentionMs;
      for (const hash of this.#index.olderThan(beforeMs)) {
        await this.#owner
          .run(hash, async () => {
            // It may have been renewed while it waited for its turn.
            if (this.#index.isOlder(hash, beforeMs)) await this.#delete(hash);
          })
          .catch((error: Error) => this.#log.error({ hash }, `${hash} cannot be deleted: ${error.message}`));
      }
      await this.uploads.expire(nowMs);
      await this.#damaged.expire(beforeMs);
    } finally {
      this.#isExpiring = false;
    }
  }

  /** For whoever has the file alone. */
  async #findAlone(hash: string): Promise<MediaEntry | undefined> {
    if (!this.#index.has(hash)) return undefined;
    try {
      return await readEntry(this.#folder, hash);
    } catch (error) {
      if (!(error instanceof DamagedEntryError)) throw error;
      this.#index.remove(hash);
      await this.#damaged.setAside(hash, error.message);
      return undefined;
    }
  }

  async #write(entry: MediaEntry): Promise<MediaEntry> {
    await writeWhole(entryPath(this.#folder, entry.hash), JSON.stringify(entry));
    this.#index.set(entry);
    return entry;
  }

  async #delete(hash: string): Promise<void> {
    await rm(entryPath(this.#folder, hash), { force: true });
    // From here on nobody finds it; content that stays behind is seen at the next start.
    this.#index.remove(hash);
    await rm(contentPath(this.#folder, hash), { force: true });
  }
}
