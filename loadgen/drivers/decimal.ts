/** Digits of the longest number that is written or read: all of them are exact. */
export const MOST_DIGITS = 15;

const ZERO = 0x30;
/** Up to here a loop copies faster than a call into the engine. */
const MOST_LOOPED_BYTES = 32;

/** Hot path. Decimal digits of a whole number from 0 on. */
export function digitsOf(number: number): number {
  let digits = 1;
  for (let bound = 10; number >= bound; bound *= 10) digits += 1;
  return digits;
}

/** Hot path. Writes a whole number from 0 on in decimal digits; returns the offset behind them. */
export function writeDecimal(target: Buffer, at: number, number: number): number {
  const end = at + digitsOf(number);
  let rest = number;
  for (let place = end - 1; place >= at; place -= 1) {
    const higher = Math.floor(rest / 10);
    target[place] = ZERO + rest - higher * 10;
    rest = higher;
  }
  return end;
}

/** Hot path. The number whose digits stand there; -1: it is none, or too long for one. */
export function readDecimal(bytes: Buffer, from: number, to: number): number {
  if (to <= from || to - from > MOST_DIGITS) return -1;
  let number = 0;
  for (let at = from; at < to; at += 1) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** Hot path. Copies bytes, of which there are few; returns the offset behind them. */
export function writePiece(target: Buffer, at: number, piece: Uint8Array): number {
  const { length } = piece;
  if (length > MOST_LOOPED_BYTES) target.set(piece, at);
  else for (let index = 0; index < length; index += 1) target[at + index] = piece[index] as number;
  return at + length;
}
