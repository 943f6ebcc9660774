const MOST_SEQUENCE = 0xffff_ffff;
const SEQUENCE = /^\d{1,10}$/;
const LAST_DIGITS = /\d+$/;

/** Hot path. The sequence of a message as a server repeats it; undefined: it is none. */
export function sequenceFrom(value: unknown): number | undefined {
  if (typeof value === 'string' && !SEQUENCE.test(value)) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const number = Number(value);
  return Number.isInteger(number) && number >= 0 && number <= MOST_SEQUENCE ? number : undefined;
}

/** Hot path. The user in `7`, `user-7` or `room/user7`; undefined: none. */
export function userFrom(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const [digits] = LAST_DIGITS.exec(value) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Base64 and bytes of messages, decoded in one buffer. */
export class PayloadReader {
  #scratch = Buffer.allocUnsafeSlow(4096);

  /** Hot path. A view that is valid until the next call; undefined: there is none. */
  read(value: unknown, encoding: 'base64' | 'latin1'): Buffer | undefined {
    if (typeof value !== 'string') return undefined;
    if (value.length > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(2 * value.length);
    return this.#scratch.subarray(0, this.#scratch.write(value, 0, encoding));
  }
}

const MOST_REASONS = 100;
const LONGEST_REASON = 60;

/** The reasons of a server in the short words that failures are counted under; there are not many different ones. */
export class Reasons {
  readonly #known = new Map<string, string>();

  from(value: unknown, fallback: string): string {
    if ((typeof value !== 'string' && typeof value !== 'number') || value === '') return fallback;
    const text = String(value).slice(0, LONGEST_REASON);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    // Who tells the time, or an id, in every reason has as many as messages.
    if (this.#known.size >= MOST_REASONS) return `${fallback}Otherwise`;
    const reason = inCamelCase(text) || fallback;
    this.#known.set(text, reason);
    return reason;
  }
}

function inCamelCase(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const joined = words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('');
  return /^\d/.test(joined) ? `Code${joined}` : joined;
}
