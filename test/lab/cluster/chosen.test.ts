import { expect, test } from 'vitest';
import { Chooser } from '../../../lab/cluster/chosen.js';
import type { Which } from '../../../scenarios/scenario.js';

function nodes() {
  return ['node-1', 'node-2', 'node-3'].map((name) => ({ name, isThere: true }));
}

function chosen(chooser: Chooser<{ name: string; isThere: boolean }>, which: Which, times: number): string[] {
  return Array.from({ length: times }, () => chooser.choose(which).name);
}

test('a number is that one', () => {
  expect(new Chooser(nodes(), 1, 'node').choose(2).name).toBe('node-2');
});

test('each is one after the other, and who is gone is passed over', () => {
  const all = nodes();
  const chooser = new Chooser(all, 1, 'node');
  expect(chosen(chooser, 'each', 4)).toEqual(['node-1', 'node-2', 'node-3', 'node-1']);
  Object.assign(all[1] as object, { isThere: false });
  expect(chosen(chooser, 'each', 2)).toEqual(['node-3', 'node-1']);
});

test('any follows from the seed, and is one that is there', () => {
  const draw = (seed: number) => chosen(new Chooser(nodes(), seed, 'node'), 'any', 30);
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(new Set(draw(1)).size).toBe(3);
  const [first, ...others] = nodes();
  for (const other of others) other.isThere = false;
  const alone = new Chooser([...others, first as { name: string; isThere: boolean }], 1, 'node');
  expect(new Set(chosen(alone, 'any', 20))).toEqual(new Set(['node-1']));
});

test('what is not there cannot be chosen', () => {
  const gone = nodes().map((node) => ({ ...node, isThere: false }));
  const chooser = new Chooser(gone, 1, 'node');
  expect(() => chooser.choose(3)).toThrow('node-3 is not there now');
  for (const which of ['each', 'any'] as const)
    expect(() => chooser.choose(which)).toThrow('no node is there now');
});
