type Numbers = Uint32Array | Uint16Array | Uint8Array | Int32Array | Float64Array;

/** A larger array that begins with what the smaller one holds. */
export function grown<Kind extends Numbers>(from: Kind, to: Kind): Kind {
  to.set(from);
  return to;
}
