import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BusMessage } from '../../../server/bus/bus.js';
import { type Fate, LossyLinks } from '../../support/lossy-links.js';

const HOME = 1;

function numbered(connection: number): BusMessage {
  return { kind: 'replaced', connection };
}

function numbersOf(messages: BusMessage[]): number[] {
  return messages.map((message) => (message.kind === 'replaced' ? message.connection : -1));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** A message that fills a batch of its own. */
function large(id: number, bytes = 400_000): BusMessage {
  return { kind: 'submit', from: 1, worker: 1, connection: 1, to: 2, id, payload: Buffer.alloc(bytes) };
}

describe('a link between two peers', () => {
  test('brings each message once and in order, whatever is lost, doubled or late', () => {
    const fate = fc.constantFrom<Fate>(
      'comes',
      'comes',
      'comes',
      'lost',
      'twice',
      'late',
      'twice, once late',
    );
    const step = fc.record({
      from: fc.constantFrom(0, 1),
      messages: fc.integer({ min: 1, max: 20 }),
      passMs: fc.nat(300),
    });
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 100 }), fc.array(step, { maxLength: 30 }), (fates, steps) => {
        const links = new LossyLinks();
        links.fate = () => fates.pop() ?? 'comes';
        const sent: [number, number] = [0, 0];
        for (const { from, messages, passMs } of steps) {
          const { link } = links.ends[from as 0 | 1];
          for (let each = 0; each < messages; each += 1) {
            sent[from as 0 | 1] += 1;
            link.send(HOME, numbered(sent[from as 0 | 1]));
          }
          link.flush();
          links.pass(passMs);
        }
        // Each of 100 losses may take a while to be found.
        links.pass(60_000);

        expect(numbersOf(links.ends[1].got)).toEqual(upTo(sent[0]));
        expect(numbersOf(links.ends[0].got)).toEqual(upTo(sent[1]));
        for (const { waiting, troubles } of links.ends) {
          expect(waiting.bytes).toBe(0);
          expect(troubles).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is still where nothing is to be said', () => {
    const links = new LossyLinks();
    links.ends[0].link.send(1, numbered(1));
    links.ends[0].link.flush();
    links.pass(1000);
    const before = links.published.map(({ length }) => length);

    links.pass(600_000);

    expect(links.published.map(({ length }) => length)).toEqual(before);
    expect(before).toEqual([1, 1]);
  });

  test('asks a peer that confirms nothing what came, and does not flood it', () => {
    const links = new LossyLinks();
    links.fate = () => 'lost';
    const [{ link, waiting }, other] = links.ends;
    for (let id = 1; id <= 3; id += 1) {
      link.send(1, large(id));
      link.flush();
    }
    links.pass(10_000);
    // Said while nothing is confirmed: it waits.
    link.send(1, large(4));
    link.flush();
    const heavy = links.published[0].filter((bytes) => bytes > 1000);
    expect(heavy).toHaveLength(3);
    expect(links.published[0].length).toBeLessThan(30);
    expect(waiting.bytes).toBeGreaterThan(1_600_000);

    links.fate = () => 'comes';
    links.pass(1000);

    expect(other.got.map((message) => message.kind === 'submit' && message.id)).toEqual([1, 2, 3, 4]);
    expect(waiting.bytes).toBe(0);
    expect(links.ends[0].drained).toBe(1);
  });

  test.for([600_000, 16_000_000])('brings a message of %i bytes, and all that is said behind it', (bytes) => {
    const links = new LossyLinks();
    const [{ link, waiting }, other] = links.ends;
    // Nothing stands before the first; the second follows something.
    link.send(HOME, large(1, bytes));
    link.flush();
    link.send(HOME, numbered(2));
    link.send(HOME, large(3, bytes));
    link.send(HOME, numbered(4));
    link.flush();
    links.pass(1000);

    expect(
      other.got.map((message) => (message.kind === 'submit' ? message.id : numbersOf([message])[0])),
    ).toEqual(upTo(4));
    expect(other.troubles).toEqual([]);
    expect(waiting.bytes).toBe(0);
  });

  test('has only so much on its way, and the rest follows as that is confirmed', () => {
    const links = new LossyLinks();
    const [{ link, waiting }, other] = links.ends;
    for (let id = 1; id <= 50; id += 1) link.send(1, large(id));
    link.flush();

    expect(links.published[0].length).toBeLessThanOrEqual(10);
    expect(waiting.bytes).toBeGreaterThan(20_000_000);
    links.pass(1000);

    expect(other.got).toHaveLength(50);
    expect(link.repeated).toBe(0);
    expect(waiting.bytes).toBe(0);
  });

  test('finds a loss by what comes behind it, long before it would have asked', () => {
    const links = new LossyLinks();
    const [{ link }, other] = links.ends;
    const fates: Fate[] = ['comes', 'lost', 'comes'];
    links.fate = () => fates.shift() ?? 'comes';
    for (let connection = 1; connection <= 3; connection += 1) {
      link.send(1, numbered(connection));
      link.flush();
    }

    links.pass(20);

    expect(numbersOf(other.got)).toEqual([1, 2, 3]);
    expect(link.repeated).toBe(2);
  });

  test('splits what one turn has to say into batches that NATS takes', () => {
    const links = new LossyLinks();
    const [{ link }, other] = links.ends;
    for (let id = 1; id <= 5; id += 1) link.send(1, large(id));
    for (let connection = 1; connection <= 5; connection += 1) link.send(1, numbered(connection));
    link.flush();
    links.pass(1000);

    expect(other.got).toHaveLength(10);
    expect(Math.max(...links.published[0])).toBeLessThanOrEqual(512 * 1024);
  });

  test('says that a home is held behind all that was said before', () => {
    const links = new LossyLinks();
    const [{ link }, other] = links.ends;
    links.fate = () => 'lost';
    link.send(1, numbered(1));
    link.flush();
    links.pass(10);
    links.fate = () => 'comes';
    link.mark('held', 7, 3);
    link.flush();
    links.pass(1);
    expect(other.marks).toEqual([]);

    links.pass(1000);

    expect(numbersOf(other.got)).toEqual([1]);
    expect(other.marks).toEqual(['held 7 3']);
  });

  test('that has ended counts nothing as waiting, and takes nothing', () => {
    const links = new LossyLinks();
    const [one, other] = links.ends;
    one.link.send(1, numbered(1));
    one.link.flush();
    one.link.send(1, numbered(2));
    other.link.end();
    one.link.end();
    links.pass(5000);

    expect(other.got).toEqual([]);
    expect(one.waiting.bytes).toBe(0);
    expect(links.published[1]).toEqual([]);
  });
});
