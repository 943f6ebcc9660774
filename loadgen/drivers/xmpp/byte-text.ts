/** A place or a number that is not there. */
export const ABSENT = -1;

/** Hot path. Whether bytes are this text, which is ASCII. */
export function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  const { length } = text;
  if (end - start !== length) return false;
  for (let index = 0; index < length; index += 1)
    if (bytes[start + index] !== text.charCodeAt(index)) return false;
  return true;
}

/** Hot path. Where bytes go on behind a beginning; ABSENT: they begin otherwise. */
export function behind(bytes: Buffer, start: number, end: number, beginning: Buffer): number {
  const { length } = beginning;
  if (end - start < length) return ABSENT;
  for (let index = 0; index < length; index += 1)
    if (bytes[start + index] !== beginning[index]) return ABSENT;
  return start + length;
}

/** Hot path. Where a byte is for the first time, or ABSENT. */
export function indexWithin(bytes: Buffer, start: number, end: number, byte: number): number {
  for (let at = start; at < end; at += 1) if (bytes[at] === byte) return at;
  return ABSENT;
}

/** Hot path. A whole number of at most 32 bits in decimal digits; ABSENT: it is none. */
export function numberIn(bytes: Buffer, start: number, end: number): number {
  if (start >= end || end - start > 10) return ABSENT;
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return ABSENT;
    number = number * 10 + digit;
  }
  return number > 0xffff_ffff ? ABSENT : number;
}
