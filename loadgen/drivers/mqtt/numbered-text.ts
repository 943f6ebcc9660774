const ZERO = 0x30;

/** A text of the settings in which a number stands, such as `c2m/user/{user}`: written without making a string. */
export class NumberedText {
  readonly #parts: Buffer[];
  readonly #fixedBytes: number;

  constructor(template: string, placeholder: string) {
    this.#parts = template.split(placeholder).map((part) => Buffer.from(part));
    this.#fixedBytes = this.#parts.reduce((sum, { length }) => sum + length, 0);
  }

  textFor(number: number): string {
    return this.#parts.join(String(number));
  }

  /** Hot path. */
  bytesFor(number: number): number {
    return this.#fixedBytes + (this.#parts.length - 1) * digitsOf(number);
  }

  /** Hot path. Returns the offset behind it. */
  write(number: number, buffer: Buffer, at: number): number {
    let to = at;
    for (let index = 0; index < this.#parts.length; index += 1) {
      if (index > 0) to = writeNumber(number, buffer, to);
      const part = this.#parts[index] as Buffer;
      buffer.set(part, to);
      to += part.length;
    }
    return to;
  }
}

function digitsOf(number: number): number {
  let digits = 1;
  for (let limit = 10; number >= limit; limit *= 10) digits += 1;
  return digits;
}

function writeNumber(number: number, buffer: Buffer, at: number): number {
  const end = at + digitsOf(number);
  let rest = number;
  for (let to = end - 1; to >= at; to -= 1) {
    const next = Math.floor(rest / 10);
    buffer[to] = ZERO + rest - next * 10;
    rest = next;
  }
  return end;
}
