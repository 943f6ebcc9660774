import { isWhole } from './checksum.js';
import { ITEM_KEY_BYTES, KeyKind } from './store-keys.js';

/** A kind, and at least the number that it belongs to. */
const SHORTEST_KEY_BYTES = 9;

const KINDS = new Set<number>(Object.values(KeyKind));

/** What is wrong with an entry of a store; undefined: nothing. `value` is of no use afterwards. */
export function checkEntry(key: Buffer, value: Buffer): string | undefined {
  if (!KINDS.has(key[0] as number) || key.length < SHORTEST_KEY_BYTES) return 'a key is none of ours';
  if (key[0] === KeyKind.Item && key.length !== ITEM_KEY_BYTES) return 'the key of an item is none of ours';
  return isWhole(key, value) ? undefined : 'an entry is not what was written';
}
