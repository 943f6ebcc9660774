import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Answer, MessageState, Outbox } from '../../../loadgen/agent/outbox.js';

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
            outbox.settle(0, slot, recipient);
            here.add(recipient);
            expect(outbox.find(0, 2) === slot).toBe(here.size < recipients);
          }
        },
      ),
    );
  });

  test('finds what is there and nothing else, whatever went before, and tells what is to be written', () => {
    const step = fc.record({
      client: fc.nat(1),
      what: fc.constantFrom('add', 'remove', 'write', 'repeat'),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const outbox = new Outbox(2);
        const held: Map<number, number>[] = [new Map(), new Map()];
        const unwritten: number[][] = [[], []];
        const next = [1, 1];
        for (const { client, what, pick } of steps) {
          const mine = held[client] as Map<number, number>;
          const [sequence, slot] = [...mine][pick % Math.max(1, mine.size)] ?? [0, -1];
          if (what === 'add') {
            const added = next[client] as number;
            mine.set(added, outbox.add(client, added, 0, 16));
            unwritten[client]?.push(added);
            // Of some senders a number is missing, as of those who were refused.
            next[client] = added + 1 + (pick % 3);
          } else if (what === 'remove' && slot >= 0) {
            outbox.remove(client, slot);
            mine.delete(sequence);
            unwritten[client] = (unwritten[client] ?? []).filter((each) => each !== sequence);
          } else if (what === 'repeat' && slot >= 0 && !unwritten[client]?.includes(sequence)) {
            outbox.repeat(client, slot, MessageState.Again);
            unwritten[client] = [...(unwritten[client] ?? []), sequence].sort((one, other) => one - other);
          } else if (what === 'write') {
            const written: number[] = [];
            // There may be no room for all of them.
            const room = pick % 5;
            let from = outbox.firstToWrite(client);
            for (; from >= 0; from = outbox.after(from)) {
              if (outbox.stateOf(from) === MessageState.Sent) continue;
              if (written.length === room) break;
              written.push(outbox.sequenceOf(from));
              outbox.setState(from, MessageState.Sent);
            }
            outbox.writeNextFrom(client, from);
            expect(written).toEqual(unwritten[client]?.slice(0, room));
            unwritten[client] = unwritten[client]?.slice(room) ?? [];
          }
          for (let each = 0; each <= (next[client] as number); each += 1)
            expect(outbox.find(client, each)).toBe(mine.get(each) ?? -1);
        }
        expect(outbox.length).toBe(
          (held[0] as Map<number, number>).size + (held[1] as Map<number, number>).size,
        );
      }),
    );
  });

  test('keeps what it holds when it grows', () => {
    const outbox = new Outbox(2, 40);
    const first = outbox.add(1, 1, 7, 16, 2);
    outbox.takeReceipt(first, 39);
    outbox.settle(1, first, 39);
    outbox.setAnswer(1, first, Answer.Accepted);
    outbox.setAwayMs(first, 39, 123);
    for (let sequence = 1; sequence <= 5000; sequence += 1) outbox.add(0, sequence, 0, 16, 40);
    expect(outbox.length).toBe(5001);
    expect([outbox.dueMsOf(first), outbox.find(0, 5000)]).toEqual([7, 5000]);
    expect(outbox.awayMsOf(first, 39)).toBe(123);
    expect(outbox.takeReceipt(first, 39)).toBe(false);
    expect(outbox.takeReceipt(first, 0)).toBe(true);
    outbox.settle(1, first, 39);
    expect(outbox.length).toBe(5001);
    outbox.settle(1, first, 0);
    expect(outbox.length).toBe(5000);
  });
});
