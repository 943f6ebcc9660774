import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { cutLine, filledLines } from '../../cli/line-width.js';

const line = fc.string({ unit: 'grapheme', maxLength: 60 });
const columns = fc.integer({ min: 0, max: 40 });

describe('a line that is cut', () => {
  test('is never wider than it may be, whatever it holds, and is the line itself where that fits', () => {
    fc.assert(
      fc.property(line, columns, (text, width) => {
        const cut = cutLine(text, width);
        expect(stringWidth(cut)).toBeLessThanOrEqual(width);
        if (stringWidth(text) <= width && width > 0) expect(cut).toBe(text);
      }),
    );
  });

  test.each([
    ['of plain letters', 'a'.repeat(20), `${'a'.repeat(9)}…`],
    ['of wide characters, one of which would reach beyond the end', '漢'.repeat(20), `${'漢'.repeat(4)}…`],
    ['in colour', `\u001b[31m${'a'.repeat(20)}\u001b[39m`, `${'a'.repeat(9)}…`],
  ])('%s ends with a mark where something is missing', (_, text, cut) => {
    expect(stripVTControlCharacters(cutLine(text, 10))).toBe(cut);
  });

  test('ends its colour too', () => {
    expect(cutLine(`\u001b[31m${'a'.repeat(20)}\u001b[39m`, 10)).toContain('\u001b[39m');
  });
});

describe('items that fill lines', () => {
  test('go on one line as far as it reaches', () => {
    expect(filledLines(['one', 'two', 'three'], ', ', 15)).toEqual(['one, two, three']);
    expect(filledLines(['one', 'two', 'three'], ', ', 14)).toEqual(['one, two', 'three']);
    expect(filledLines([], ', ', 14)).toEqual([]);
  });

  test('are never broken, however narrow it is', () => {
    expect(filledLines(['one', 'two', 'three'], ', ', 2)).toEqual(['one', 'two', 'three']);
  });
});
