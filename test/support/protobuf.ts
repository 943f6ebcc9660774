/**
 * A message in the wire format of Protocol Buffers, as far as a test needs it
 * (https://protobuf.dev/programming-guides/encoding/): fields by their numbers, each as often as it came.
 */
export class Message {
  readonly #fields = new Map<number, (Buffer | bigint)[]>();

  constructor(bytes: Buffer) {
    let at = 0;
    const varint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at] as number;
        at += 1;
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
      }
    };
    const take = (length: number): Buffer => {
      if (at + length > bytes.length) throw new Error('a message that ends before its field');
      at += length;
      return bytes.subarray(at - length, at);
    };
    while (at < bytes.length) {
      const tag = Number(varint());
      const [field, type] = [tag >> 3, tag & 7];
      const value = type === 0 ? varint() : take(type === 1 ? 8 : type === 5 ? 4 : Number(varint()));
      this.#fields.set(field, [...(this.#fields.get(field) ?? []), value]);
    }
  }

  messages(field: number): Message[] {
    return (this.#fields.get(field) ?? []).map((bytes) => new Message(bytes as Buffer));
  }

  message(field: number): Message | undefined {
    return this.messages(field)[0];
  }

  text(field: number): string {
    return (this.#fields.get(field)?.[0] as Buffer | undefined)?.toString('utf8') ?? '';
  }

  hex(field: number): string {
    return (this.#fields.get(field)?.[0] as Buffer | undefined)?.toString('hex') ?? '';
  }

  number(field: number): number | undefined {
    const value = this.#fields.get(field)?.[0];
    return value === undefined ? undefined : Number(value);
  }

  double(field: number): number | undefined {
    return (this.#fields.get(field)?.[0] as Buffer | undefined)?.readDoubleLE();
  }

  fixed64(field: number): bigint | undefined {
    return (this.#fields.get(field)?.[0] as Buffer | undefined)?.readBigUInt64LE();
  }

  /** Packed, or one after the other. */
  doubles(field: number): number[] {
    return this.#packed(field).map((bytes) => bytes.readDoubleLE());
  }

  fixed64s(field: number): number[] {
    return this.#packed(field).map((bytes) => Number(bytes.readBigUInt64LE()));
  }

  #packed(field: number): Buffer[] {
    return (this.#fields.get(field) ?? []).flatMap((value) => {
      const bytes = value as Buffer;
      return Array.from({ length: bytes.length / 8 }, (_, index) => bytes.subarray(index * 8, index * 8 + 8));
    });
  }
}
