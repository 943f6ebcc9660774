import { describe, expect, test } from 'vitest';
import { longestSwiftText } from '../../../../loadgen/drivers/websocket/pattern-cost.js';

const MOST_STEPS = 10_000_000;

describe('a text is short enough not to be watched', () => {
  test.each([
    '^ACK (?<sequence>\\d+)$',
    '^(?<to>[^,]*),(?<id>[^,]*),(?<payload>.*)$',
    '^(?<to>[^|]+)\\|(?<payload>.*)',
    '^\\x2c+;',
  ])('at any length where repetitions have but one place to end: %s', (pattern) => {
    expect(longestSwiftText(pattern)).toBe(MOST_STEPS);
  });

  test.each([
    ['it may begin anywhere', 'id=[^,]*,', 1 / 2],
    ['it may begin anywhere, or at the beginning', '^a|b', 1 / 2, 2],
    ['one repetition runs into what follows', '^.*,(?<payload>.*)$', 1 / 2],
    ['two do', '^(?<a>.*),(?<b>.*),(?<payload>[A-Za-z0-9+/=]+)$', 1 / 3],
    ['a group is repeated', '^(?:ab)+c', 1 / 2],
    ['what follows may be left out', '^[^,]*,?x', 1 / 2, 2],
    ['what follows is in a group that may be left out', '^(?:[^,]*)?,', 1 / 2, 2],
    ['it is counted', '^.{2,900}x', 1 / 2],
    ['a character is written as its code', '^\\x2c+,', 1 / 2],
    ['it looks behind', '^a(?<=[^,]*),', 1 / 2],
    ['it is lazy', '^.*?,', 1 / 2],
  ])('as a power of its length where %s', (_, pattern, power, choices = 1) => {
    expect(longestSwiftText(pattern)).toBe(Math.floor((MOST_STEPS / choices) ** power));
  });
});
