import type { Expected, MatcherSettings } from '../../../scenarios/drivers/websocket-settings.js';
import { ProtocolViolation } from '../driver.js';
import type { Incoming } from './incoming.js';
import { WatchedPattern } from './watched-pattern.js';

/** Where something stands in a message: keys on the way there, or the name of a group. */
export type Place = readonly string[];

/** Recognizes messages, and reads what is in those that fit. */
export interface Matcher {
  /** Hot path. */
  fits(incoming: Incoming): boolean;
  placeOf(path: string): Place;
  /** Hot path. Of a message that fits; undefined: nothing stands there. */
  valueAt(incoming: Incoming, place: Place): unknown;
  /** The same as it stands in a text that is like the message: escaped where that is JSON. */
  textAt(incoming: Incoming, place: Place): string;
}

export function makeMatcher(settings: MatcherSettings): Matcher {
  return settings.kind === 'json' ? new JsonMatcher(settings.json) : new TextMatcher(settings.text);
}

class JsonMatcher implements Matcher {
  readonly #conditions: readonly { place: Place; expected: Expected }[];

  constructor(json: Readonly<Record<string, Expected>>) {
    this.#conditions = Object.entries(json).map(([path, expected]) => ({
      place: this.placeOf(path),
      expected,
    }));
  }

  fits({ json }: Incoming): boolean {
    if (json === undefined) return false;
    for (const { place, expected } of this.#conditions)
      if (!isAsExpected(valueIn(json, place), expected)) return false;
    return true;
  }

  /** A backslash keeps a dot in a key. */
  placeOf(path: string): Place {
    return path.split(/(?<!\\)\./).map((key) => key.replaceAll('\\.', '.'));
  }

  valueAt({ json }: Incoming, place: Place): unknown {
    return valueIn(json, place);
  }

  textAt({ json }: Incoming, place: Place): string {
    const text = inJson(valueIn(json, place));
    return text.startsWith('"') ? text.slice(1, -1) : text;
  }
}

/** @throws ProtocolViolation where it is nested deeper than the stack of the engine, which reads it without one */
function inJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ProtocolViolation('MessageTooDeep', 'what an answer repeats is nested too deep to be written');
  }
}

class TextMatcher implements Matcher {
  readonly #pattern: WatchedPattern;

  constructor(source: string) {
    this.#pattern = new WatchedPattern(source);
  }

  fits(incoming: Incoming): boolean {
    const found = this.#pattern.exec(incoming.text);
    if (!found) return false;
    incoming.groups = found.groups;
    return true;
  }

  placeOf(path: string): Place {
    return [path];
  }

  valueAt({ groups }: Incoming, [name = '']: Place): unknown {
    return groups?.[name];
  }

  textAt({ groups }: Incoming, [name = '']: Place): string {
    return groups?.[name] ?? '';
  }
}

/** Hot path. */
function valueIn(json: unknown, place: Place): unknown {
  let value = json;
  for (const key of place) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Hot path. */
function isAsExpected(value: unknown, expected: Expected): boolean {
  if ('exists' in expected) return (value !== undefined && value !== null) === expected.exists;
  return expected.includes(value as string);
}
