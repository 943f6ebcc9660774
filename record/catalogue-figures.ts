import { figureAt } from './figure.js';
import { METRICS } from './metrics.js';
import type { RunRecord } from './run.js';

const PLACEHOLDER = /^<\w+>$/;
/** Such a name has a path of its own; one with a dot in it has none. */
const NAME = /^[^.\s]+$/;

/**
 * Every figure of the catalogue that a record has, by its path. First those that every run may have, then those of what the
 * run names: its phases, its queues, reasons of failures.
 * @param most of them; a server may have thousands of queues
 */
export function catalogueFigures(record: RunRecord, most: number): Map<string, number> {
  const figures = new Map<string, number>();
  const plainFirst = [...METRICS].sort(
    (one, other) => Number(isNamed(one.path)) - Number(isNamed(other.path)),
  );
  for (const { path } of plainFirst) {
    for (const each of pathsOf(record, path)) {
      if (figures.size >= most) return figures;
      const figure = figureAt(record, each);
      if (figure !== null) figures.set(each, figure);
    }
  }
  return figures;
}

function isNamed(path: string): boolean {
  return path.includes('<');
}

/** A path of the catalogue with each name that the record has in the place of its placeholder. */
function pathsOf(record: RunRecord, path: string): string[] {
  const keys = path.split('.');
  const index = keys.findIndex((key) => PLACEHOLDER.test(key));
  if (index < 0) return [path];
  let node: unknown = record;
  for (const key of keys.slice(0, index)) node = (node as Record<string, unknown> | null | undefined)?.[key];
  return namesIn(node)
    .filter((name) => NAME.test(name))
    .map((name) => keys.with(index, name).join('.'));
}

function namesIn(node: unknown): string[] {
  if (Array.isArray(node)) return node.map(({ name }: { name: string }) => name);
  return typeof node === 'object' && node !== null ? Object.keys(node) : [];
}
