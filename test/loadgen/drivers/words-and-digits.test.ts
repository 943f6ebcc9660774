import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digitsOf, readDecimal, writeDecimal } from '../../../loadgen/drivers/decimal.js';
import { reasonFrom } from '../../../loadgen/drivers/reason-words.js';

test('a number is read as it was written', () => {
  const target = Buffer.alloc(20);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (number) => {
      const end = writeDecimal(target, 3, number);
      expect(target.toString('latin1', 3, end)).toBe(String(number));
      expect(digitsOf(number)).toBe(String(number).length);
      expect(readDecimal(target, 3, end)).toBe(number);
    }),
  );
});

test('what are no digits, or too many, is no number', () => {
  for (const text of ['', '-1', '1.5', '12a', ' 1', '1'.repeat(16)])
    expect(readDecimal(Buffer.from(text), 0, text.length), text).toBe(-1);
});

test('the words of a server become a reason, without what is of one client alone', () => {
  expect(reasonFrom('Authorization Violation', 'Error')).toBe('AuthorizationViolation');
  expect(reasonFrom('user 17 is not allowed', 'Error')).toBe('UserIsNotAllowed');
  expect(reasonFrom('Permissions Violation for Publish to "c2m.user.7"', 'Error')).toBe(
    'PermissionsViolationForPublishTo',
  );
  expect(reasonFrom('a b c d e f g h', 'Error')).toBe('ABCDEF');
  expect(reasonFrom('— 17 —', 'Error')).toBe('Error');
});
