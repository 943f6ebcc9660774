import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Logger } from 'pino';
import { contentPath, entryPath } from './media-entry.js';
import { privateFolder } from './private-files.js';
import { diskBytes, type Room } from './room.js';

/**
 * Where files go that cannot be served: out of the way of the others, and kept as long as a file is for whoever wants to
 * look. They take their part of the room.
 */
export class DamagedFiles {
  readonly #media: string;
  readonly #folder: string;
  readonly #room: Room;
  readonly #log: Logger;
  /** Bytes of the room by name. */
  readonly #taken = new Map<string, number>();

  private constructor(media: string, room: Room, log: Logger) {
    this.#media = media;
    this.#folder = join(media, 'damaged');
    this.#room = room;
    this.#log = log;
  }

  static async open(media: string, room: Room, log: Logger): Promise<DamagedFiles> {
    const damaged = new DamagedFiles(media, room, log);
    for (const name of await readdir(damaged.#folder).catch(noneIfMissing)) await damaged.#count(name);
    return damaged;
  }

  get count(): number {
    return this.#taken.size;
  }

  /** Sets an entry and its content aside, whichever are there. `why` names the file. Never throws: others go on. */
  async setAside(hash: string, why: string): Promise<void> {
    this.#log.error({ hash }, `${why}; what there is of this file goes to ${this.#folder}`);
    const suffix = Date.now().toString(36);
    for (const path of [entryPath(this.#media, hash), contentPath(this.#media, hash)]) {
      try {
        await privateFolder(this.#folder, this.#log);
        const name = `${basename(path)}.${suffix}`;
        await rename(path, join(this.#folder, name));
        await this.#count(name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
        this.#log.error({ path }, `${path} cannot be set aside: ${(error as Error).message}`);
      }
    }
  }

  /** Deletes what was set aside before `beforeMs`. */
  async expire(beforeMs: number): Promise<void> {
    for (const [name, bytes] of this.#taken) {
      const path = join(this.#folder, name);
      // Moving a file changes nothing but its ctime.
      const setAsideAtMs = await lstat(path).then(({ ctimeMs }) => ctimeMs, zeroIfMissing);
      if (setAsideAtMs >= beforeMs) continue;
      await rm(path, { force: true, recursive: true });
      this.#taken.delete(name);
      this.#room.takeFromAll(-bytes);
    }
  }

  async #count(name: string): Promise<void> {
    const { size } = await lstat(join(this.#folder, name));
    const bytes = diskBytes(size);
    this.#taken.set(name, bytes);
    this.#room.takeFromAll(bytes);
  }
}

function noneIfMissing(error: NodeJS.ErrnoException): never[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function zeroIfMissing(error: NodeJS.ErrnoException): number {
  if (error.code === 'ENOENT') return 0;
  throw error;
}
