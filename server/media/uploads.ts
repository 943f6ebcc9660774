import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import type { MediaConfig } from './media-config.js';
import { closeToOthers, FILE_MODE, privateFolder } from './private-files.js';
import { Refusal } from './refusal.js';
import { diskBytes, type Room } from './room.js';

type Limits = Pick<MediaConfig, 'userUploads' | 'keepFreeBytes'>;

/** An upload that is not a file yet: under way, or broken off and kept for its user to go on with. */
export interface Upload {
  readonly user: number;
  readonly hash: string;
  readonly path: string;
  /** What it has of the room: all that was announced while it is under way, what came of it afterwards. */
  takenBytes: number;
}

/** Nobody is sent to the disk for more than this after an upload was broken off. */
const RETENTION_MS = 24 * 3600 * 1000;
const NAME = /^(\d{1,16})-([0-9a-f]{64})$/;

/**
 * Unfinished uploads, in files named by user and hash. Room for all of an upload is taken before its first byte, from
 * the whole and from its user's share, so neither can be passed by many uploads at once.
 */
export class Uploads {
  readonly #folder: string;
  readonly #room: Room;
  readonly #limits: Limits;
  /** By user, then by hash, the oldest first. Each takes room on the disk, so the room bounds them. */
  readonly #unfinished = new Map<number, Map<string, Upload>>();
  /** Those that a connection is at: no more than there are connections. */
  readonly #underWay = new Set<Upload>();
  #count = 0;
  #takenBytes = 0;

  private constructor(folder: string, room: Room, limits: Limits) {
    this.#folder = folder;
    this.#room = room;
    this.#limits = limits;
  }

  /** @throws the system's error where the folder cannot be had */
  static async open(folder: string, room: Room, limits: Limits, log: Logger): Promise<Uploads> {
    const uploads = new Uploads(folder, room, limits);
    await privateFolder(folder, log);
    for (const name of await readdir(folder)) {
      const [, user, hash] = NAME.exec(name) ?? [];
      const path = join(folder, name);
      const found = await lstat(path);
      if (user === undefined || hash === undefined || !found.isFile()) {
        log.warn({ path }, `${path} is no upload of this server; it is left alone`);
        continue;
      }
      await closeToOthers(path, FILE_MODE);
      uploads.#take(uploads.#add(Number(user), hash), diskBytes(found.size));
    }
    return uploads;
  }

  get count(): number {
    return this.#count;
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Bytes of `hash` that `user` has uploaded so far. */
  async bytesOf(user: number, hash: string): Promise<number> {
    const upload = this.#unfinished.get(user)?.get(hash);
    return upload ? sizeOf(upload.path) : 0;
  }

  /**
   * Takes room for an upload of `length` bytes in all, which goes on at `offset`. Whoever begins one ends it.
   * @throws Refusal where it is under way already, goes on elsewhere, or there is no room
   */
  async begin(user: number, hash: string, offset: number, length: number): Promise<Upload> {
    await this.#makePlace(user, hash);
    const known = this.#unfinished.get(user)?.get(hash);
    if (known && this.#underWay.has(known))
      throw new Refusal(409, 'UploadUnderWay', 'this upload is under way on another connection');
    const upload = known ?? this.#add(user, hash);
    // Before anything is waited for: the next one that asks finds it taken.
    this.#underWay.add(upload);
    try {
      const have = known ? await sizeOf(upload.path) : 0;
      if (offset !== 0 && offset !== have)
        throw new Refusal(409, 'WrongOffset', `go on at byte ${have}`, { 'upload-offset': String(have) });
      await this.#takeRoom(upload, diskBytes(length));
      return upload;
    } catch (error) {
      await this.end(upload);
      throw error;
    }
  }

  /** Takes content to the disk; what came before an interruption stays. @throws the system's error */
  async append(upload: Upload, content: Readable, offset: number): Promise<void> {
    const flags = offset === 0 ? 'w' : 'a';
    await pipeline(content, createWriteStream(upload.path, { flags, mode: FILE_MODE }));
  }

  /** True where the content is what its name says. */
  async isWhole(upload: Upload): Promise<boolean> {
    const digest = createHash('sha256');
    await pipeline(createReadStream(upload.path), digest);
    return digest.digest('hex') === upload.hash;
  }

  /** Nobody is at it any more: what came is kept, and the rest of its room given back. */
  async end(upload: Upload): Promise<void> {
    if (!this.#knows(upload)) return;
    try {
      const size = await sizeOf(upload.path);
      if (size === 0) await this.drop(upload);
      else this.#take(upload, diskBytes(size) - upload.takenBytes);
    } finally {
      this.#underWay.delete(upload);
    }
  }

  async drop(upload: Upload): Promise<void> {
    // Only a file that is gone gives its room back.
    await rm(upload.path, { force: true });
    this.forget(upload);
  }

  /** Its file is gone, or was taken over by whoever keeps the files. */
  forget(upload: Upload): void {
    if (!this.#knows(upload)) return;
    const ofUser = this.#unfinished.get(upload.user);
    ofUser?.delete(upload.hash);
    if (ofUser?.size === 0) this.#unfinished.delete(upload.user);
    this.#underWay.delete(upload);
    this.#count -= 1;
    this.#take(upload, -upload.takenBytes);
  }

  /** Deletes those that nobody has gone on with for a day. */
  async expire(nowMs: number): Promise<void> {
    for (const ofUser of this.#unfinished.values()) {
      for (const upload of ofUser.values()) {
        const found = await lstat(upload.path).catch(() => undefined);
        const isOld = !found || found.mtimeMs < nowMs - RETENTION_MS;
        // Meanwhile somebody may have gone on with it, or finished it and begun the same anew.
        if (isOld && this.#knows(upload) && !this.#underWay.has(upload)) await this.#dropIdle(upload);
      }
    }
  }

  /** Of the uploads that a user has left lying, the oldest makes room for a new one. */
  async #makePlace(user: number, hash: string): Promise<void> {
    const { userUploads } = this.#limits;
    for (;;) {
      const ofUser = this.#unfinished.get(user);
      if (!ofUser || ofUser.has(hash) || ofUser.size < userUploads) return;
      const oldest = this.#oldestIdle(user);
      if (!oldest)
        throw new Refusal(429, 'TooManyUploads', `finish one of your ${userUploads} uploads first`, {
          'retry-after': '2',
        });
      await this.#dropIdle(oldest);
    }
  }

  async #takeRoom(upload: Upload, bytes: number): Promise<void> {
    const disk = await statfs(this.#folder);
    const more = () => bytes - upload.takenBytes;
    // From the last look at the share until it is taken nothing is waited for: nobody takes the same room.
    while (this.#room.isShareSpent(upload.user, more())) {
      const oldest = this.#oldestIdle(upload.user);
      if (!oldest)
        throw new Refusal(507, 'UserFull', 'your share of the space is spent; delete files of yours');
      await this.#dropIdle(oldest);
    }
    if (this.#room.isFullFor(more()))
      throw new Refusal(507, 'StoreFull', 'there is no room for more files; try again later');
    // What those under way have written already is counted twice, which errs to the safe side.
    let promisedBytes = bytes;
    for (const other of this.#underWay) promisedBytes += other.takenBytes;
    if (disk.bavail * disk.bsize - promisedBytes < this.#limits.keepFreeBytes)
      throw new Refusal(507, 'StoreFull', 'there is no room on the disk; try again later');
    this.#take(upload, more());
  }

  #oldestIdle(user: number): Upload | undefined {
    for (const upload of this.#unfinished.get(user)?.values() ?? [])
      if (!this.#underWay.has(upload)) return upload;
    return undefined;
  }

  async #dropIdle(upload: Upload): Promise<void> {
    // Until the file is gone nobody may go on with it.
    this.#underWay.add(upload);
    try {
      await this.drop(upload);
    } finally {
      this.#underWay.delete(upload);
    }
  }

  #knows(upload: Upload): boolean {
    return this.#unfinished.get(upload.user)?.get(upload.hash) === upload;
  }

  #add(user: number, hash: string): Upload {
    const path = join(this.#folder, `${user}-${hash}`);
    const upload: Upload = { user, hash, path, takenBytes: 0 };
    const ofUser = this.#unfinished.get(user) ?? new Map<string, Upload>();
    this.#unfinished.set(user, ofUser.set(hash, upload));
    this.#count += 1;
    return upload;
  }

  #take(upload: Upload, bytes: number): void {
    upload.takenBytes += bytes;
    this.#takenBytes += bytes;
    this.#room.takeFromAll(bytes);
    this.#room.takeFromShare(upload.user, bytes);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
