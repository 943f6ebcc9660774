/**
 * An entry as this version keeps it, from one of the format before (`c2m.store/1`).
 * @param _key the same in both
 */
export function fromVersion1(_key: Buffer, value: Buffer): Buffer {
  return value;
}
