import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ledger } from '../../../loadgen/agent/ledger.js';

const NOTHING_OPEN = {
  unsent: 0,
  heldBack: 0,
  acceptedNotDelivered: 0,
  deliveredNotReceipted: 0,
  impliedAccepted: 0,
};

/** What happens to one message of a flow: how often it comes, and how far behind its turn. */
const fate = fc.record({
  copies: fc.integer({ min: 0, max: 3 }),
  delay: fc.integer({ min: 0, max: 4 }),
  isRefused: fc.boolean(),
});

interface Arrival {
  sequence: number;
  at: number;
}

/** Deliveries in the order in which they arrive: by time, and in their order where times are equal. */
function arrivalsOf(fates: { copies: number; delay: number }[]): Arrival[] {
  const arrivals = fates.flatMap(({ copies, delay }, index) =>
    Array.from({ length: copies }, (_, copy) => ({ sequence: index + 1, at: index + delay + copy * 5 })),
  );
  return arrivals.sort((a, b) => a.at - b.at);
}

describe('the ledger', () => {
  test('says what a brute-force account of the same deliveries says', () => {
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 40 }), (fates) => {
        const ledger = new Ledger(2);
        for (const { isRefused } of fates) {
          const sequence = ledger.nextSequence(1);
          ledger.sent += 1;
          if (isRefused) ledger.refuse(1, sequence);
        }
        const arrivals = arrivalsOf(fates);
        for (const { sequence } of arrivals) ledger.deliver(1, sequence, false);

        const seen = new Set<number>();
        const expected = { delivered: 0, duplicated: 0, outOfOrder: 0 };
        for (const { sequence } of arrivals) {
          if (seen.has(sequence)) expected.duplicated += 1;
          else {
            expected.delivered += 1;
            if ([...seen].some((other) => other > sequence)) expected.outOfOrder += 1;
          }
          seen.add(sequence);
        }
        const refused = fates.filter(({ isRefused }) => isRefused).length;
        const lost = fates.filter(({ copies, isRefused }) => copies === 0 && !isRefused).length;
        expect(ledger.totals(NOTHING_OPEN)).toMatchObject({ ...expected, refused, lost, sent: fates.length });
      }),
      { numRuns: 500 },
    );
  });

  test('counts a repeated delivery that is marked as such, on a new connection, as a redelivery', () => {
    const ledger = new Ledger(1);
    ledger.nextSequence(0);
    expect(ledger.deliver(0, 1, false)).toBe('first');
    ledger.reconnected(0);
    expect(ledger.deliver(0, 1, true)).toBe('redelivered');
    expect(ledger.deliver(0, 1, false)).toBe('duplicated');
    expect(ledger.totals(NOTHING_OPEN)).toMatchObject({ delivered: 1, redelivered: 1, duplicated: 1 });
  });

  test('lets as many copies come as were sent, on each connection of the recipient', () => {
    const ledger = new Ledger(1);
    ledger.nextSequence(0);
    ledger.sentAgain(0, 1);
    const copies = () => [1, 2, 3].map(() => ledger.deliver(0, 1, true));
    expect(copies()).toEqual(['first', 'redelivered', 'duplicated']);
    ledger.reconnected(0);
    expect(copies()).toEqual(['redelivered', 'redelivered', 'duplicated']);
  });

  test('counts a first delivery that is marked as a redelivery as a first delivery', () => {
    const ledger = new Ledger(1);
    ledger.nextSequence(0);
    expect(ledger.deliver(0, 1, true)).toBe('first');
  });

  test('counts what nobody sent as a duplicate', () => {
    const ledger = new Ledger(1);
    expect(ledger.deliver(0, 1, false)).toBe('foreign');
    expect(ledger.totals(NOTHING_OPEN)).toMatchObject({ delivered: 0, duplicated: 1 });
  });

  test('counts a message to several once for each of them, and misses exactly those that did not get it', () => {
    const recipients = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(recipients, { maxLength: 30 }), (messages) => {
        const ledger = new Ledger(2, 3);
        const sender = 1;
        messages.forEach((arrivals, index) => {
          expect(ledger.nextSequence(sender)).toBe(index + 1);
          ledger.sent += 3;
          arrivals.forEach((arrives, recipient) => {
            if (arrives) ledger.deliver(sender * 3 + recipient, index + 1, false);
          });
        });
        const delivered = messages.flat().filter(Boolean).length;
        expect(ledger.totals(NOTHING_OPEN)).toMatchObject({
          sent: 3 * messages.length,
          delivered,
          lost: 3 * messages.length - delivered,
          duplicated: 0,
          outOfOrder: 0,
        });
      }),
    );
  });

  test('keeps flows apart', () => {
    const ledger = new Ledger(2);
    for (const flow of [0, 1]) {
      ledger.nextSequence(flow);
      ledger.sent += 1;
    }
    ledger.deliver(1, 1, false);
    expect(ledger.totals(NOTHING_OPEN)).toMatchObject({ sent: 2, delivered: 1, lost: 1, outOfOrder: 0 });
  });
});
