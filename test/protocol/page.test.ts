import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { FrameDecoder } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import { type Frame, FrameType, GoodbyeCode, ReasonCode } from '../../protocol/frame.js';
import { userToken } from '../../protocol/user-token.js';
import { parseServerConfig } from '../../server/config.js';
import { addressOf, testServer } from '../support/server.js';

const page = readFileSync('docs/protocol.md', 'utf8');

interface Example {
  name: keyof typeof FrameType;
  frame: Frame;
  bytes: Buffer;
}

function examples(): Example[] {
  return [...page.matchAll(/^<!-- (\{.*\}) -->\n```hex\n([\s\S]*?)```/gm)].map(([, json = '', hex = '']) => {
    const { type, ...fields } = JSON.parse(json) as Record<string, unknown>;
    const name = type as Example['name'];
    if (typeof fields.payload === 'string') fields.payload = Buffer.from(fields.payload);
    const digits = hex.split('\n').map((line) => line.split('  ')[0]?.replaceAll(' ', ''));
    return {
      name,
      frame: { type: FrameType[name], ...fields } as Frame,
      bytes: Buffer.from(digits.join(''), 'hex'),
    };
  });
}

describe('docs/protocol.md', () => {
  test.each(examples())(
    'its example of $name is what the encoder writes and the decoder reads',
    (example) => {
      expect(encodeFrame(example.frame).toString('hex')).toBe(example.bytes.toString('hex'));
      const frames: Frame[] = [];
      new FrameDecoder(1000).push(example.bytes, (frame) => frames.push(frame) > 0);
      expect(frames).toEqual([example.frame]);
    },
  );

  test('has an example and a row with its number for every frame', () => {
    const shown = new Set(examples().map(({ name }) => name));
    for (const [name, type] of Object.entries(FrameType)) {
      expect(shown).toContain(name);
      const words = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
      expect(page).toMatch(new RegExp(`^\\| \`${hex(type)}\` +\\| ${words} `, 'm'));
    }
  });

  test('has every reason code and goodbye code', () => {
    for (const [name, code] of Object.entries(ReasonCode)) {
      expect(page).toMatch(new RegExp(`^\\| \`${hex(code)}\` +\\| ${name} `, 'm'));
    }
    for (const [name, code] of Object.entries(GoodbyeCode)) expect(page).toContain(`code ${code} (${name})`);
  });

  test('has the limits that the server has by default', () => {
    const { limits } = parseServerConfig({});
    const rows = [...page.matchAll(/^\| `(\w+)` +\| ([\d,.]+) /gm)];
    const named = rows.map(([, name]) => name);
    // Nobody but the one who runs the server notices these.
    const inside = ['restartsPerMinute', 'hangTimeoutMs'];
    expect([...named, ...inside].sort()).toEqual(Object.keys(limits).sort());
    for (const [, name = '', value = ''] of rows) {
      expect(limits[name as keyof typeof limits], name).toBe(Number(value.replaceAll(',', '')));
    }
  });

  test('tells how the token of a user is made', () => {
    const [, secret = '', user = '', token] =
      /For the token\s+`(.+?)` that of user (\d+) is `(.+?)`/.exec(page) ?? [];
    expect(userToken(secret, Number(user))).toBe(token);
  });

  test('is enough to write a client: two users exchange a message and both check marks', async () => {
    const server = await testServer();
    const { host, port } = addressOf(server);
    const [anna, ben] = [new PageClient(host, port, 1n), new PageClient(host, port, 2n)];
    const welcome = { type: 0x03, body: expect.stringMatching(/^000000000100[0-9a-f]{16}$/) };
    expect(await anna.next()).toEqual(welcome);
    expect(await ben.next()).toEqual(welcome);
    anna.say(0x10, u64(2n), u64(77n), Buffer.from('hello'));
    expect(await anna.next()).toEqual({ type: 0x11, body: '000000000000004d' });
    expect(await ben.next()).toEqual({
      type: 0x12,
      body: `00000001${'00'}0000000000000001000000000000004d${Buffer.from('hello').toString('hex')}`,
    });
    ben.say(0x13, Buffer.from('00000001', 'hex'));
    expect(await anna.next()).toEqual({
      type: 0x14,
      body: `00000001${'00'}0000000000000002000000000000004d`,
    });
    for (const client of [anna, ben]) client.say(0x31, Buffer.from('0000', 'hex'));
    await Promise.all([anna.closed, ben.closed]);
  });
});

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** Written from the page alone: nothing of protocol/ is used here. */
class PageClient {
  readonly closed: Promise<void>;
  readonly #socket;
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(host: string, port: number, user: bigint) {
    this.#socket = connect(port, host);
    this.#socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
    });
    this.say(0x01, Buffer.from('c2m\x01', 'latin1'));
    this.say(0x02, u64(user));
  }

  say(type: number, ...fields: Buffer[]): void {
    const body = Buffer.concat(fields);
    const header = Buffer.alloc(4);
    header.writeUIntBE(body.length, 0, 3);
    header.writeUInt8(type, 3);
    this.#socket.write(Buffer.concat([header, body]));
  }

  async next(): Promise<{ type: number; body: string }> {
    while (this.#bytes.length < 4 || this.#bytes.length < 4 + this.#bytes.readUIntBE(0, 3)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const end = 4 + this.#bytes.readUIntBE(0, 3);
    const frame = { type: this.#bytes.readUInt8(3), body: this.#bytes.subarray(4, end).toString('hex') };
    this.#bytes = this.#bytes.subarray(end);
    return frame;
  }
}
