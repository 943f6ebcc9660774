import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Channel, type Packet } from '../../../../loadgen/coordination/nats/channel.js';
import { Random } from '../../../../loadgen/random.js';

const TICK_MS = 200;

/** What becomes of packets on their way: shares of them, and for how long they are under way at most. */
interface Fate {
  seed: number;
  lost: number;
  doubled: number;
  delayMs: number;
}

/** A way that does to its packets what it is told, and stands still, and loses all, while it is down. */
class Way {
  readonly #fate: Fate;
  readonly #random: Random;
  readonly #isDown: (ms: number) => boolean;
  readonly published: { atMs: number; number: number }[] = [];
  #underWay: { atMs: number; packet: Packet<number> }[] = [];

  constructor(fate: Fate, isDown: (ms: number) => boolean) {
    this.#fate = fate;
    this.#random = new Random(fate.seed);
    this.#isDown = isDown;
  }

  publish(packet: Packet<number>, nowMs: number): void {
    const { lost, doubled, delayMs } = this.#fate;
    this.published.push({ atMs: nowMs, number: packet.number });
    if (this.#random.next() < lost || this.#isDown(nowMs)) return;
    const copies = this.#random.next() < doubled ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1)
      this.#underWay.push({ atMs: nowMs + this.#random.next() * delayMs, packet });
  }

  /** What has come by now, in the order in which it comes. */
  arrived(nowMs: number): Packet<number>[] {
    const arrived = this.#underWay.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#underWay = this.#underWay.filter(({ atMs }) => atMs > nowMs);
    return arrived.map(({ packet }) => packet);
  }
}

/** Two channels with a way in each direction, in a time of their own. */
class Pair {
  nowMs = 0;
  readonly there: Way;
  readonly back: Way;
  readonly delivered: { first: number[]; second: number[] } = { first: [], second: [] };
  readonly first: Channel<number, number>;
  readonly second: Channel<number, number>;

  constructor(there: Way, back: Way) {
    this.there = there;
    this.back = back;
    const nowMs = (): number => this.nowMs;
    this.first = new Channel({
      publish: (packet) => there.publish(packet, this.nowMs),
      deliver: (message) => this.delivered.first.push(message),
      nowMs,
    });
    this.second = new Channel({
      publish: (packet) => back.publish(packet, this.nowMs),
      deliver: (message) => this.delivered.second.push(message),
      nowMs,
    });
  }

  /** @param each is called every 20 ms */
  run(ms: number, each: (nowMs: number) => void = () => undefined): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs += 20;
      each(this.nowMs);
      for (const packet of this.there.arrived(this.nowMs)) this.second.take(packet);
      for (const packet of this.back.arrived(this.nowMs)) this.first.take(packet);
      if (this.nowMs % TICK_MS !== 0) continue;
      this.first.tick();
      this.second.tick();
    }
  }
}

const RIGHT: Fate = { seed: 1, lost: 0, doubled: 0, delayMs: 0 };
const never = (): boolean => false;

const fate = fc.record({
  seed: fc.integer(),
  lost: fc.double({ min: 0, max: 0.6, noNaN: true }),
  doubled: fc.double({ min: 0, max: 0.5, noNaN: true }),
  // Longer than from one message to the next: packets overtake each other.
  delayMs: fc.integer({ min: 0, max: 300 }),
});
const down = fc.array(fc.record({ fromMs: fc.nat(8000), forMs: fc.nat(3500) }), { maxLength: 3 });
const isDownIn = (spans: { fromMs: number; forMs: number }[]) => (ms: number) =>
  spans.some(({ fromMs, forMs }) => ms >= fromMs && ms < fromMs + forMs);

describe('a channel over ways that lose, double, delay and stand still', () => {
  test('brings every message to the other side, once and in order', () => {
    const property = fc.property(
      fate,
      fate,
      down,
      down,
      fc.array(fc.nat(8000), { maxLength: 120 }),
      (there, back, downThere, downBack, times) => {
        const pair = new Pair(new Way(there, isDownIn(downThere)), new Way(back, isDownIn(downBack)));
        const due = times.toSorted((a, b) => a - b);
        const sent: number[] = [];
        pair.run(12_000, (nowMs) => {
          for (; due[0] !== undefined && due[0] <= nowMs; due.shift()) {
            sent.push(sent.length);
            pair.first.send(sent.length - 1);
            pair.second.send(sent.length - 1);
          }
        });
        for (let waited = 0; waited < 2000 && pair.first.underWay + pair.second.underWay > 0; waited += 1)
          pair.run(1000);
        expect(pair.delivered).toEqual({ first: sent, second: sent });
        expect([pair.first.underWay, pair.second.underWay]).toEqual([0, 0]);
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  test('that are right needs one packet a message, and beats', () => {
    const pair = new Pair(new Way(RIGHT, never), new Way(RIGHT, never));
    let sent = 0;
    pair.run(10_000, (nowMs) => {
      if (nowMs % 1000 !== 0) return;
      sent += 1;
      pair.first.send(sent);
    });
    expect(pair.there.published.filter(({ number }) => number > 0)).toHaveLength(sent);
    expect(pair.there.published.length).toBeLessThanOrEqual(sent + 2 * 10 + 1);
  });

  test('hears within a second that the other side is there, which has nothing to say', () => {
    const pair = new Pair(new Way(RIGHT, never), new Way(RIGHT, never));
    let longest = 0;
    pair.run(20_000, () => {
      longest = Math.max(longest, pair.first.silentMs, pair.second.silentMs);
    });
    expect(longest).toBeLessThan(1000);
  });
});

describe('a channel whose ways are cut', () => {
  const cut = (ms: number): boolean => ms >= 2000 && ms < 7000;

  test('sends only what is new and beats while nothing comes back, so that nobody is flooded afterwards', () => {
    const pair = new Pair(new Way(RIGHT, cut), new Way(RIGHT, cut));
    let sent = 0;
    pair.run(7000, () => {
      sent += 1;
      pair.first.send(sent);
    });
    const meanwhile = pair.there.published.filter(({ atMs }) => cut(atMs));
    // 5 s of 50 messages each, a beat every 500 ms at most, and one repetition of what was on its way before.
    expect(meanwhile.length).toBeLessThanOrEqual(5 * 50 + 10 + 64);
    pair.run(6000);
    expect(pair.delivered.second).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  });

  test('only there, repeats no more than 64 messages a second', () => {
    const pair = new Pair(new Way(RIGHT, cut), new Way(RIGHT, never));
    let sent = 0;
    pair.run(7000, () => {
      sent += 1;
      pair.first.send(sent);
    });
    const meanwhile = pair.there.published.filter(({ atMs }) => cut(atMs));
    expect(meanwhile.length).toBeGreaterThan(5 * 50);
    expect(meanwhile.length).toBeLessThanOrEqual(5 * 50 + 5 * 64 + 10);
    pair.run(6000);
    expect(pair.delivered.second).toHaveLength(sent);
  });

  test('catches up with thousands of messages within seconds once it is back', () => {
    const pair = new Pair(new Way(RIGHT, cut), new Way(RIGHT, cut));
    pair.run(7000, (nowMs) => {
      if (cut(nowMs)) for (let each = 0; each < 10; each += 1) pair.first.send(each);
    });
    expect(pair.first.underWay).toBeGreaterThan(2000);
    pair.run(5000);
    expect(pair.first.underWay).toBe(0);
  });
});
