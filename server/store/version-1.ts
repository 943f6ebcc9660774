import { seal } from './checksum.js';
import { VALUE_OFFSET } from './home-store.js';
import { KeyKind } from './store-keys.js';

/** A window was the highest id and a bit for each of the 64 at and below it; a group's sender had a number behind it. */
const WINDOW_BYTES = 16;
const WORD_BITS = 32;

/** Ids below the window may have been accepted: see DeduplicationWindow.write. */
const HAS_FORGOTTEN = 0x80;

/**
 * An entry as this version keeps it, from one of the format before (`c2m.store/1`): with a checksum before it, ids as
 * ranges, and the time of now where none was kept.
 * @param key the same in both
 */
export function fromVersion1(key: Buffer, value: Buffer): Buffer {
  const converted = Buffer.concat([Buffer.alloc(VALUE_OFFSET), convert(key[0] as number, value)]);
  seal(key, converted);
  return converted;
}

function convert(kind: number, value: Buffer): Buffer {
  switch (kind) {
    case KeyKind.Window:
    case KeyKind.GroupWindow:
    case KeyKind.GroupSender:
      return Buffer.concat([now(), rangesOf(value), value.subarray(WINDOW_BYTES)]);
    case KeyKind.Group:
      return Buffer.concat([now(), value]);
    default:
      return value;
  }
}

function now(): Buffer {
  const seconds = Buffer.alloc(4);
  seconds.writeUInt32LE(Math.floor(Date.now() / 1000));
  return seconds;
}

/** As DeduplicationWindow.write has it: all numbers but the highest id are below 128 here, and so one byte each. */
function rangesOf(window: Buffer): Buffer {
  const words = [window.readInt32LE(8), window.readInt32LE(12)];
  const wasSeen = (distance: number) =>
    distance < 2 * WORD_BITS &&
    ((words[Math.floor(distance / WORD_BITS)] as number) & (1 << (distance % WORD_BITS))) !== 0;
  const ranges: number[] = [];
  let count = 0;
  for (let distance = 0; distance < 2 * WORD_BITS; ) {
    const first = distance;
    while (wasSeen(distance)) distance += 1;
    if (distance > first) {
      ranges.push(distance - 1 - first);
      count += 1;
    }
    const last = distance - 1;
    while (distance < 2 * WORD_BITS && !wasSeen(distance)) distance += 1;
    if (distance < 2 * WORD_BITS && count > 0) ranges.push(distance - last);
  }
  return Buffer.concat([
    Buffer.of(count === 0 ? 0 : count | HAS_FORGOTTEN),
    window.subarray(0, 8),
    // Nobody counted how many wait.
    Buffer.of(0, ...ranges),
  ]);
}
