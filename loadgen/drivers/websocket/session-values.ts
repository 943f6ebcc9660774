import type { MatcherSettings, WebSocketSettings } from '../../../scenarios/drivers/websocket-settings.js';
import { ProtocolViolation } from '../driver.js';
import type { Incoming } from './incoming.js';
import type { Matcher, Place } from './matcher.js';

/** What a client may keep of one value: tokens are shorter, and each client of a million has its own. */
const MOST_CHARACTERS = 8192;

/** Where a value stands in a message that a matcher fits, and under which number clients keep it. */
export interface Capture {
  slot: number;
  place: Place;
}

/**
 * What the server has told each client to repeat: tokens, ids of sessions. A value that is declared costs each client a reference
 * and one string; where none is declared there is nothing.
 */
export class SessionValues {
  readonly #names: readonly string[];
  /** By slot, then by client. */
  readonly #values: readonly (string | undefined)[][];

  constructor(names: readonly string[], clients: number) {
    this.#names = names;
    this.#values = names.map(() => new Array<string | undefined>(clients).fill(undefined));
  }

  /** @throws Error for a name that no schema has let through */
  slotOf(name: string): number {
    const slot = this.#names.indexOf(name);
    if (slot < 0) throw new Error(`{{session.${name}}} is captured by no matcher`);
    return slot;
  }

  capturesOf({ capture }: MatcherSettings, matcher: Matcher): Capture[] {
    return Object.entries(capture).map(([name, path]) => ({
      slot: this.slotOf(name),
      place: matcher.placeOf(path),
    }));
  }

  /** Hot path. Keeps what stands in a message that fits; where nothing does, what was there before stays. */
  take(client: number, captures: readonly Capture[], matcher: Matcher, incoming: Incoming): void {
    for (const { slot, place } of captures) {
      const text = textOf(matcher.valueAt(incoming, place));
      if (text === undefined) continue;
      if (text.length > MOST_CHARACTERS)
        throw new ProtocolViolation(
          'SessionValueTooLong',
          `${this.#names[slot]} has ${text.length} characters`,
        );
      // A part of a text is a view that keeps the whole message alive.
      (this.#values[slot] as string[])[client] = Buffer.from(text).toString();
    }
  }

  /** Hot path. */
  valueOf(client: number, slot: number): string | undefined {
    return this.#values[slot]?.[client];
  }

  /** Hot path. The reason that it counts under when one of these is not there; undefined: all of them are. */
  whyMissing(client: number, slots: readonly number[]): string | undefined {
    for (const slot of slots)
      if (this.valueOf(client, slot) === undefined) return `SessionValueMissing(${this.#names[slot]})`;
    return undefined;
  }

  /** The next connection is another session. */
  forget(client: number): void {
    for (const values of this.#values) values[client] = undefined;
  }
}

/** Names that matchers of the settings capture. */
export function capturedNames({ login, loggedIn, subscribed, joined, match }: WebSocketSettings): string[] {
  const awaited = login.flatMap((each) => (typeof each === 'string' ? [] : [each.await]));
  const matchers = [...awaited, loggedIn, subscribed, joined, ...match];
  return [...new Set(matchers.flatMap((each) => Object.keys(each?.capture ?? {})))];
}

/** Hot path. A number that JavaScript cannot hold has other digits than the server wrote: it is none. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'number')
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
  return typeof value === 'boolean' ? String(value) : undefined;
}
