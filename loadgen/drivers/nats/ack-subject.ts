const DOT = 0x2e;
const ONE = 0x31;

/** Dots of the longer form, which begins with a domain and an account. */
const LONGER_FORM_DOTS = 10;

/**
 * Hot path. Whether JetStream has sent a message before, by the subject on which it wants its acknowledgement:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.…`, or `$JS.ACK.<domain>.<account>.<stream>.<consumer>.<deliveries>.…`.
 */
export function isRedelivery(bytes: Buffer, from: number, to: number): boolean {
  let dots = 0;
  let short = from;
  let long = from;
  for (let at = from; at < to; at += 1) {
    if (bytes[at] !== DOT) continue;
    dots += 1;
    if (dots === 4) short = at + 1;
    else if (dots === 6) long = at + 1;
  }
  const count = dots >= LONGER_FORM_DOTS ? long : short;
  return !(bytes[count] === ONE && bytes[count + 1] === DOT);
}

/** Hot path. Where the last part of a subject begins. */
export function lastPartOf(bytes: Buffer, from: number, to: number): number {
  let at = to;
  while (at > from && bytes[at - 1] !== DOT) at -= 1;
  return at;
}
