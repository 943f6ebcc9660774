import { expect, test } from 'vitest';
import { namedPercentiles, percentileText } from '../../../reports/html/browser/scales.js';

const POSITIONS = [0, Math.log10(2), 1, 2, 3, 4, 5];

/** Names of an axis of that many pixels that ends a little past 99.999 %. */
function namesOn(width: number): string[] {
  return namedPercentiles(POSITIONS, (position) => (position / 5.5) * width)
    .filter((position) => position !== null)
    .map(percentileText);
}

test('percentiles are all named where there is room for them', () => {
  expect(namesOn(1000)).toEqual(['0 %', '50 %', '90 %', '99 %', '99.9 %', '99.99 %', '99.999 %']);
});

test('on a phone those are left out whose names would run into the one before', () => {
  expect(namesOn(262)).toEqual(['0 %', '90 %', '99 %', '99.9 %', '99.999 %']);
});
