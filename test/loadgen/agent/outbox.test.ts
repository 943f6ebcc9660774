import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Answer, Outbox } from '../../../loadgen/agent/outbox.js';

describe('the outbox', () => {
  test('keeps a message until the receipts of all recipients are here, however often each of them comes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.nat(99), { maxLength: 300 }),
        (recipients, receipts) => {
          const outbox = new Outbox(1, recipients);
          // A slot that was used before knows nothing of what it held then.
          const before = outbox.add(0, 1, 0, 16, recipients);
          outbox.takeReceipt(before, 0);
          outbox.remove(0, before);
          const slot = outbox.add(0, 2, 0, 16, recipients);
          outbox.setAnswer(0, slot, Answer.Accepted);
          const here = new Set<number>();
          for (const receipt of receipts) {
            const recipient = receipt % recipients;
            if (here.size === recipients) break;
            const isNew = outbox.takeReceipt(slot, recipient);
            expect(isNew).toBe(!here.has(recipient));
            if (isNew) outbox.settle(0, slot);
            here.add(recipient);
            expect(outbox.find(0, 2) === slot).toBe(here.size < recipients);
          }
        },
      ),
    );
  });

  test('keeps what it holds when it grows', () => {
    const outbox = new Outbox(2, 40);
    const first = outbox.add(1, 1, 7, 16, 2);
    outbox.takeReceipt(first, 39);
    outbox.settle(1, first);
    outbox.setAnswer(1, first, Answer.Accepted);
    outbox.setAwayMs(first, 39, 123);
    for (let sequence = 1; sequence <= 5000; sequence += 1) outbox.add(0, sequence, 0, 16, 40);
    expect(outbox.length).toBe(5001);
    expect([outbox.dueMsOf(first), outbox.find(0, 5000)]).toEqual([7, 5000]);
    expect(outbox.awayMsOf(first, 39)).toBe(123);
    expect(outbox.takeReceipt(first, 39)).toBe(false);
    expect(outbox.takeReceipt(first, 0)).toBe(true);
    outbox.settle(1, first);
    expect(outbox.length).toBe(5000);
  });
});
