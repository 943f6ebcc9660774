import { decodeFrames } from '../../protocol/decode.js';
import { FrameType, LARGEST_BODY_BYTES } from '../../protocol/frame.js';
import { ITEM_KEY_BYTES, KeyKind, readItemKey } from './store-keys.js';

/** An item is kept as the time it was stored, and its frame. */
const TIME_BYTES = 8;

/** A kind, and at least the number that it belongs to. */
const SHORTEST_KEY_BYTES = 9;

const KINDS = new Set<number>(Object.values(KeyKind));

/** What is wrong with an entry of a store; undefined: nothing that can be told. */
export function checkEntry(key: Buffer, value: Buffer): string | undefined {
  if (!KINDS.has(key[0] as number) || key.length < SHORTEST_KEY_BYTES) return 'a key is none of ours';
  if (key[0] !== KeyKind.Item) return undefined;
  if (key.length !== ITEM_KEY_BYTES) return 'the key of an item is none of ours';
  return isItem(readItemKey(key).sequence, value) ? undefined : 'an item is no frame';
}

function isItem(sequence: number, value: Buffer): boolean {
  let found = false;
  const frame = value.subarray(TIME_BYTES);
  try {
    decodeFrames(frame, LARGEST_BODY_BYTES, (content) => {
      switch (content.type) {
        case FrameType.Deliver:
        case FrameType.Receipt:
        case FrameType.GroupDeliver:
        case FrameType.GroupReceipt:
          found = content.sequence === sequence;
      }
      return false;
    });
  } catch {
    // Bytes that break the protocol are what is looked for here.
    return false;
  }
  return found;
}
