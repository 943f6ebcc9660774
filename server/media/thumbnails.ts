import type { Logger } from 'pino';
import { overloaded, Refusal } from './refusal.js';
import {
  DECODING_TIMES,
  type DecodingLimits,
  ThumbnailChild,
  type ThumbnailResult,
} from './thumbnail-child.js';

/** Pictures that wait for their turn: past it uploads of pictures are refused, and go on later. */
const MOST_WAITING = 1024;
/** The connection of an upload is closed when nothing happens on it for longer than this. */
const MOST_WAITING_MS = 20_000;

/** `none`: nothing here can decode pictures. */
type Result = ThumbnailResult | 'waited too long' | 'none';

interface Waiting {
  path: string;
  type: string;
  answer(result: Result): void;
  timer: NodeJS.Timeout;
}

/**
 * Thumbnails, made one at a time in a process of its own. Users have their turn one after the other, so one with many
 * pictures makes others wait for one of them only.
 */
export class Thumbnails {
  readonly #limits: DecodingLimits;
  readonly #log: Logger;
  /** By user; whoever had a turn goes to the end. */
  readonly #waiting = new Map<number, Waiting[]>();
  #count = 0;
  #child: ThumbnailChild | undefined;
  #isBusy = false;
  #isClosed = false;
  #isLacking = false;

  constructor(memoryBytes: number, log: Logger) {
    this.#limits = { memoryBytes, ...DECODING_TIMES };
    this.#log = log;
  }

  /** The process that decodes, once a picture has come. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * @returns null where nothing here can decode pictures
   * @throws Refusal where it is no picture that can be had, or where there are too many
   */
  async make(user: number, path: string, type: string): Promise<string | null> {
    if (this.#isLacking) return null;
    if (this.#count >= MOST_WAITING || this.#isClosed) throw overloaded();
    this.#count += 1;
    try {
      const result = await new Promise<Result>((resolve) => {
        const timer = setTimeout(() => {
          this.#leave(user, waiting);
          resolve('waited too long');
        }, MOST_WAITING_MS);
        const waiting: Waiting = { path, type, answer: resolve, timer };
        const ofUser = this.#waiting.get(user);
        if (ofUser) ofUser.push(waiting);
        else this.#waiting.set(user, [waiting]);
        this.#work();
      });
      if (result === 'waited too long') throw overloaded();
      if (result === 'none') return null;
      if (result.kind === 'made') return result.thumbnail;
      if (result.kind === 'refused') throw new Refusal(415, result.code, result.message);
      this.#log.warn({ user, path }, `no thumbnail of a picture: ${result.message}`);
      throw new Refusal(415, 'ImageTooLarge', `the picture cannot be decoded: ${result.message}`);
    } finally {
      this.#count -= 1;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#child?.kill();
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let next = this.#next(); next; next = this.#next()) next.answer(await this.#makeOne(next));
    this.#isBusy = false;
  }

  async #makeOne({ path, type }: Waiting): Promise<Result> {
    const job = { path, type, mostDecodedBytes: this.#limits.memoryBytes / 2 };
    try {
      const isFresh = !this.#child || this.#child.isDead;
      const child = await this.#liveChild();
      if (child.lacking !== null) return this.#goWithout(child.lacking);
      const result = await child.make(job);
      if (result.kind !== 'died' || isFresh) return result;
      // It may have died of something else before it was told of this picture.
      return await (await this.#liveChild()).make(job);
    } catch (error) {
      // No fault of the picture: its upload can go on later.
      this.#log.error(error, (error as Error).message);
      return 'waited too long';
    }
  }

  #goWithout(lacking: string): 'none' {
    if (!this.#isLacking) this.#log.warn(`pictures are kept without thumbnails: ${lacking}`);
    this.#isLacking = true;
    this.#child?.kill();
    return 'none';
  }

  async #liveChild(): Promise<ThumbnailChild> {
    if (!this.#child || this.#child.isDead) this.#child = await ThumbnailChild.start(this.#limits);
    if (this.#isClosed) this.#child.kill();
    return this.#child;
  }

  #next(): Waiting | undefined {
    for (const [user, ofUser] of this.#waiting) {
      const next = ofUser.shift();
      this.#waiting.delete(user);
      if (ofUser.length > 0) this.#waiting.set(user, ofUser);
      if (!next) continue;
      clearTimeout(next.timer);
      return next;
    }
    return undefined;
  }

  #leave(user: number, waiting: Waiting): void {
    const ofUser = (this.#waiting.get(user) ?? []).filter((other) => other !== waiting);
    if (ofUser.length > 0) this.#waiting.set(user, ofUser);
    else this.#waiting.delete(user);
  }
}
