import { changeBetween, type PageFrame, wholeChange } from '../reports/live/page-change.js';
import type { ServerEvent } from './event-clients.js';

/** Changes that are kept for pages that come back. */
const MOST_CHANGES = 64;
const MOST_BYTES = 2 * 1024 * 1024;

/** The states of a page one after the other, numbered, as changes from one to the next. */
export class FrameStream {
  #version = 0;
  #frame: PageFrame;
  /** The newest, without a gap. */
  #changes: ServerEvent[] = [];
  #bytes = 0;

  constructor(first: PageFrame) {
    this.#frame = first;
  }

  get version(): number {
    return this.#version;
  }

  get frame(): PageFrame {
    return this.#frame;
  }

  /** @returns what those who have the frame before have to be told; undefined: nothing */
  next(frame: PageFrame): ServerEvent | undefined {
    const change = changeBetween(this.#frame, frame);
    if (!change) return undefined;
    this.#frame = frame;
    this.#version += 1;
    const event = { id: this.#version, name: 'change', data: JSON.stringify(change) };
    this.#changes.push(event);
    this.#bytes += event.data.length;
    while (this.#changes.length > MOST_CHANGES || this.#bytes > MOST_BYTES) {
      this.#bytes -= this.#changes.shift()?.data.length ?? 0;
    }
    return event;
  }

  /** What makes of the page of that version the newest one: the changes since, or the whole page where they are gone. */
  since(version: number): ServerEvent[] {
    if (version === this.#version) return [];
    const missed = this.#changes.filter(({ id }) => id > version);
    const isWithoutGap = version < this.#version && missed[0]?.id === version + 1;
    if (isWithoutGap) return missed;
    return [{ id: this.#version, name: 'change', data: JSON.stringify(wholeChange(this.#frame)) }];
  }
}
