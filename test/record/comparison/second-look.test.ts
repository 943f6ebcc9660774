import { describe, expect, test } from 'vitest';
import { type FigureOfSets, judgeSets } from '../../../record/comparison/judge-sets.js';
import { secondLook } from '../../../record/comparison/second-look.js';

const BASE = [10.1, 9.8, 10, 9.9, 10.2];

function figure(path: string, current: number[], change: Partial<FigureOfSets> = {}): FigureOfSets {
  return { path, worse: 'higher', noise: 0, isStrict: false, base: BASE, current, ...change };
}

describe('before a job fails', () => {
  const unmoved = Array.from({ length: 14 }, (_, at) => figure(`unmoved.${at}`, [9.7, 10, 10.3, 9.9, 10.05]));

  test('nothing is run again where nothing seems worse', () => {
    expect(secondLook(judgeSets(unmoved))).toBeNull();
    expect(secondLook(judgeSets([figure('p50', [8, 8.1, 7.9, 8, 8.2])]))).toBeNull();
  });

  test('as many runs again are done for what is worse, to be judged at half the level', () => {
    const first = judgeSets([figure('p50', [12, 12.1, 11.9, 12, 12.2]), ...unmoved]);
    expect(secondLook(first)).toEqual({ suspects: ['p50'], moreRuns: 5, level: 0.025 });
  });

  test('a figure is suspect though one stray run of the base hides what happened to it', () => {
    const stray = figure('p50', [12, 12.1, 11.9, 12, 12.2], { base: [10.1, 9.8, 30, 9.9, 10.2] });
    const first = judgeSets([stray]);
    expect(first[0]?.verdict).toBe('inconclusive');
    expect(secondLook(first)?.suspects).toEqual(['p50']);
  });

  test('a change that is certain and not worth reporting is no suspect', () => {
    const slightly = figure('p50', [10.3, 10.31, 10.32, 10.33, 10.34]);
    expect(secondLook(judgeSets([slightly]))).toBeNull();
  });

  test('a lost message is not asked for twice', () => {
    const first = judgeSets([figure('messages.lost', [1], { base: [0], isStrict: true })]);
    expect(first[0]?.verdict).toBe('worse');
    expect(secondLook(first)).toBeNull();
  });

  test('one run with one grows to five a side, where something can be decided', () => {
    const first = judgeSets([figure('p50', [13], { base: [10] })]);
    expect(secondLook(first)).toEqual({ suspects: ['p50'], moreRuns: 4, level: 0.025 });
  });
});
