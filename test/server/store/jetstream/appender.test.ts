import { headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Appender } from '../../../../server/store/jetstream/appender.js';
import { Lineage, NOWHERE } from '../../../../server/store/jetstream/lineage.js';
import {
  decodeRecord,
  encodeFence,
  encodeTurn,
  type LogRecord,
} from '../../../../server/store/jetstream/record.js';

const OWNER = { epoch: 5, mark: 55 };
const READ_MS = 20;
const RIVAL = { epoch: 6, mark: 66 };

interface Sent {
  record: Buffer;
  expected: number;
  reply: string;
}

/** A stream whose network delays, loses, repeats and refuses as the test says. */
class FakeStream {
  readonly log: Buffer[] = [Buffer.from(encodeFence(OWNER))];
  isFull = false;
  /** Nobody who was asked lately has read all of the log. */
  isStale = false;
  #wire: Sent[] = [];
  #late: Sent[] = [];
  #hear: (message: Msg) => void = () => undefined;

  readonly connection: Pick<NatsConnection, 'publish' | 'subscribe' | 'isClosed'> = {
    isClosed: () => false,
    subscribe: (_subject, options) => {
      this.#hear = (message) => void options?.callback?.(null, message);
      return { unsubscribe: () => undefined } as Subscription;
    },
    publish: (_subject, data, options) => {
      const expected = Number(options?.headers?.get('Nats-Expected-Last-Sequence'));
      this.#wire.push({ record: Buffer.from(data as Uint8Array), expected, reply: options?.reply as string });
    },
  };

  /** As it is when it is asked for; the answer is on its way for a while. */
  async read(sequence: number): Promise<LogRecord | undefined> {
    const record = this.isStale ? undefined : this.log[sequence - 1];
    await new Promise((resolve) => setTimeout(resolve, READ_MS));
    return record && decodeRecord(record);
  }

  /** The next that was sent arrives. */
  deliver(isAnswered: boolean): void {
    const sent = this.#wire.shift();
    if (sent) this.#arrive(sent, isAnswered);
  }

  /** It is held up somewhere, and what was sent later is faster. */
  holdUp(): void {
    const sent = this.#wire.shift();
    if (sent) this.#late.push(sent);
  }

  arriveLate(): void {
    const sent = this.#late.shift();
    if (sent) this.#arrive(sent, true);
  }

  /** Some server says that it cannot now, and has passed it on nevertheless. */
  passOn(): void {
    const sent = this.#wire.shift();
    if (!sent) return;
    this.#late.push(sent);
    this.#answer(sent, { error: { code: 503, err_code: 10008, description: 'temporarily unavailable' } });
  }

  /** It never arrives; the sender may be told. */
  lose(isTold: boolean): void {
    const sent = this.#wire.shift();
    if (sent && isTold) this.#answer(sent, undefined);
  }

  write(record: Buffer): void {
    this.log.push(record);
  }

  deliverAll(): void {
    while (this.#late.length > 0) this.arriveLate();
    while (this.#wire.length > 0) this.deliver(true);
  }

  #arrive(sent: Sent, isAnswered: boolean): void {
    const answer = this.#append(sent);
    if (isAnswered) this.#answer(sent, answer);
  }

  #append({ record, expected }: Sent): object {
    const last = this.log.length;
    if (last !== expected)
      return { error: { code: 400, err_code: 10071, description: `wrong last sequence: ${last}` } };
    if (this.isFull) return { error: { code: 503, err_code: 10077, description: 'maximum bytes exceeded' } };
    this.log.push(record);
    return { stream: 'stream', seq: this.log.length };
  }

  #answer({ reply }: Sent, answer: object | undefined): void {
    const data = Buffer.from(answer ? JSON.stringify(answer) : '');
    this.#hear({
      subject: reply,
      data,
      headers: answer ? undefined : headers(503, 'No Responders'),
      json: () => JSON.parse(data.toString()),
    } as unknown as Msg);
  }
}

/** What counts in the log, and whose it is. */
function effective(log: Buffer[]): string[] {
  const lineage = new Lineage(NOWHERE);
  return log
    .map((record) => lineage.take(decodeRecord(record)))
    .flatMap((body) => (body ? [body.subarray(6).toString()] : []));
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const FAULTS = ['answer lost', 'hold up', 'arrive late', 'pass on', 'lost', 'nobody', 'stale'] as const;

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('add' as const) },
  { weight: 6, arbitrary: fc.constant('deliver' as const) },
  { weight: 7, arbitrary: fc.constantFrom(...FAULTS) },
  { weight: 4, arbitrary: fc.constantFrom('moment', 'while', 'silence') },
  { weight: 3, arbitrary: fc.constantFrom('full', 'room', 'stray') },
);

/** Longer than the pauses between attempts, and than JetStream may be silent. */
const PASSING_MS: Record<string, number> = { moment: 30, while: 1100, silence: 4000 };

function harness(stream: FakeStream) {
  const told = { kept: [] as string[], refused: [] as string[], lost: [] as string[] };
  const names = new Map<number, string>();
  let made = 0;
  const appender = new Appender({
    connection: stream.connection,
    subject: 'log',
    owner: OWNER,
    fence: 1,
    read: (sequence) => stream.read(sequence),
    listener: {
      kept: ({ number }) => told.kept.push(names.get(number) as string),
      refused: (entries) => told.refused.push(...entries.map(({ number }) => names.get(number) as string)),
      lost: (reason) => told.lost.push(reason),
      log: () => undefined,
    },
  });
  const add = (): void => {
    made += 1;
    const number = appender.nextNumber;
    names.set(number, `turn ${made}`);
    appender.add(encodeTurn([Buffer.from(`turn ${made}`), undefined], OWNER, number, 1000)[0] as Buffer);
  };
  const act = async (each: string): Promise<void> => {
    if (each === 'add') add();
    else if (each === 'deliver') stream.deliver(true);
    else if (each === 'answer lost') stream.deliver(false);
    else if (each === 'hold up') stream.holdUp();
    else if (each === 'arrive late') stream.arriveLate();
    else if (each === 'pass on') stream.passOn();
    else if (each === 'lost') stream.lose(false);
    else if (each === 'nobody') stream.lose(true);
    else if (each === 'stale') stream.isStale = !stream.isStale;
    else if (each === 'full') stream.isFull = true;
    else if (each === 'room') stream.isFull = false;
    else if (each === 'rival') stream.write(Buffer.from(encodeFence(RIVAL)));
    // Of an owner before, who does not know that it was replaced.
    else if (each === 'stray')
      stream.write(
        encodeTurn([Buffer.from('stray'), undefined], { epoch: 4, mark: 44 }, 9, 1000)[0] as Buffer,
      );
    await vi.advanceTimersByTimeAsync(PASSING_MS[each] ?? 0);
  };
  const heal = async (): Promise<void> => {
    stream.isStale = false;
    stream.isFull = false;
    for (let round = 0; round < 60; round += 1) {
      stream.deliverAll();
      await vi.advanceTimersByTimeAsync(500);
    }
  };
  return { appender, told, act, heal, made: () => made };
}

test('whatever the network does, each record is in the log once, in order, or refused for good', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const stream = new FakeStream();
      const { appender, told, act, heal, made } = harness(stream);
      for (const each of steps) await act(each);
      await heal();
      expect(told.lost).toEqual([]);
      expect(appender.underWay).toBe(0);
      expect(effective(stream.log)).toEqual(told.kept);
      const all = Array.from({ length: made() }, (_, at) => `turn ${at + 1}`);
      expect(all.filter((name) => !told.refused.includes(name))).toEqual(told.kept);
      appender.close();
    }),
    { numRuns: 500 },
  );
});

test('an owner that was replaced says of nothing that it is kept which is not, and learns of it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.array(step, { maxLength: 40 }),
      async (before, after) => {
        const stream = new FakeStream();
        const { appender, told, act, heal } = harness(stream);
        for (const each of before) await act(each);
        await act('rival');
        for (const each of after) await act(each);
        await heal();
        await act('add');
        await heal();
        expect(told.lost).toHaveLength(1);
        const kept = effective(stream.log);
        // The log may have more: of that nothing is ever said.
        expect(kept.slice(0, told.kept.length)).toEqual(told.kept);
        expect(told.refused.filter((name) => kept.includes(name))).toEqual([]);
        appender.close();
      },
    ),
    { numRuns: 500 },
  );
});
