import { expandCommand } from './command-schema.js';
import { expandDriver } from './driver-schema.js';
import { type Origin, originAt, type Part } from './origin.js';
import type { Path } from './path.js';
import { expandSize } from './size-schema.js';
import { expandTarget } from './target-schema.js';

/** What may be written in short, so that its parts can be laid over one another. */
const SHORT_FORMS: Record<string, (value: unknown) => unknown> = {
  target: expandTarget,
  'target.driver': expandDriver,
  'target.command': expandCommand,
  'messages.size': expandSize,
};

/** Where one key is written instead of another, and not beside it: which of those that were there remain. */
const CHOICES: Record<string, (key: string, written: readonly string[]) => boolean> = {
  target: (key, written) => {
    if (written.includes('embedded')) return key === 'embedded';
    const isAnother = written.includes('addresses') || written.includes('command');
    return !(isAnother && key === 'embedded');
  },
  'target.driver': (key, written) => written.includes(key),
  'messages.size': (key, written) => written.includes(key),
};

/**
 * Lays a scenario over the one that it extends: maps key by key, lists and everything else as a whole. Null takes away what
 * was there.
 */
export function merged(base: Part, over: Part, at: Path = []): Part {
  const here = at.join('.');
  const expand = SHORT_FORMS[here] ?? ((value) => value);
  const [below, above] = [expand(base.content), expand(over.content)];
  if (!isMap(below) || !isMap(above)) return over;
  const written = Object.keys(above);
  const isChosen = CHOICES[here] ?? (() => true);
  const remains = (key: string): boolean =>
    isChosen(key, written) && !(here === 'target.command' && key === 'cwd' && isGivenUp(base, written));
  const content = new Map<string, unknown>();
  const parts = new Map<string | number, Origin>();
  for (const [key, value] of Object.entries(below)) {
    if (!remains(key)) continue;
    content.set(key, value);
    parts.set(key, originAt(base.origin, [key]));
  }
  for (const [key, value] of Object.entries(above)) {
    const there = { content: value, origin: originAt(over.origin, [key]) };
    const was = content.has(key)
      ? { content: content.get(key), origin: parts.get(key) as Origin }
      : undefined;
    if (was && value === null) {
      content.delete(key);
      parts.delete(key);
      continue;
    }
    const both = was ? merged(was, there, [...at, key]) : there;
    content.set(key, both.content);
    parts.set(key, both.origin);
  }
  return { content: Object.fromEntries(content), origin: { ...over.origin, parts } };
}

/** The folder of the file that said what is run, where it says no other: another one says that now. */
function isGivenUp({ origin }: Part, written: readonly string[]): boolean {
  const { file, path } = originAt(origin, ['cwd']);
  return written.includes('run') && !file.document.hasIn(path);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
