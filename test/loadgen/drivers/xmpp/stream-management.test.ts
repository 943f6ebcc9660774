import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { SessionIds } from '../../../../loadgen/drivers/xmpp/session-ids.js';
import { StreamManagement } from '../../../../loadgen/drivers/xmpp/stream-management.js';
import type { UnhandledStanza } from '../../../../loadgen/drivers/xmpp/unhandled-stanzas.js';

const ALL = 2 ** 32;

/** What a client does, and what its server says of it. */
type Step =
  | { kind: 'message' | 'receipt' | 'text' | 'other' }
  /** The server has handled so many more, of those that it has not acknowledged. */
  | { kind: 'acknowledged' | 'resumed'; share: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('message', 'receipt', 'text', 'other') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('acknowledged', 'resumed'),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
) as fc.Arbitrary<Step>;

/** Client 1 of two, whose count of stanzas stands at `first`, all of them acknowledged. */
function managed(first: number): StreamManagement {
  const management = new StreamManagement(2, true);
  management.begin(1);
  management.countWritten(1, first);
  management.acknowledge(1, first, { accepted: () => undefined });
  return management;
}

function write(management: StreamManagement, stanza: UnhandledStanza | undefined): void {
  if (!stanza) management.countWritten(1, 1);
  else if (stanza.kind === 'message') management.writeMessage(1, stanza.sequence);
  else if (stanza.kind === 'receipt') management.writeReceipt(1, stanza.to, stanza.sequence);
  else management.writeText(1, stanza.text);
}

describe('stream management', () => {
  test('accepts what is handled and knows what is not, whatever the counts, also where they wrap', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: ALL - 40, max: ALL - 1 }), fc.nat(ALL - 1)),
        fc.array(step, { maxLength: 120 }),
        (first, steps) => {
          const management = managed(first);
          const accepted: number[] = [];
          const events = { accepted: (_client: number, sequence: number) => accepted.push(sequence) };
          const due: number[] = [];
          let open: (UnhandledStanza | undefined)[] = [];
          let handled = first;
          let number = 0;
          for (const each of steps) {
            if (each.kind === 'acknowledged' || each.kind === 'resumed') {
              const newly = open.splice(0, Math.round(each.share * open.length));
              handled = (handled + newly.length) % ALL;
              for (const stanza of newly) if (stanza?.kind === 'message') due.push(stanza.sequence);
              management.acknowledge(1, handled, events);
              if (each.kind === 'acknowledged') continue;
              const left = management.takeUnhandled(1);
              expect(left).toEqual(open.filter((stanza) => stanza !== undefined));
              // Each of them is written once more, in its order; what nobody misses is not.
              for (const stanza of left) write(management, stanza);
              open = left;
              continue;
            }
            number += 1;
            const stanza: Record<string, UnhandledStanza> = {
              message: { kind: 'message', sequence: number },
              receipt: { kind: 'receipt', to: number % 7, sequence: number },
              text: { kind: 'text', text: `<iq id='${number}'/>` },
            };
            write(management, stanza[each.kind]);
            open.push(stanza[each.kind]);
          }
          expect(accepted).toEqual(due);
          expect(management.unhandledMessages(1)).toEqual(
            open.flatMap((stanza) => (stanza?.kind === 'message' ? [stanza.sequence] : [])),
          );
          expect(management.unhandledMessages(0)).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('takes no server at its word that has handled more than was written, or less than it said', () => {
    fc.assert(
      fc.property(
        fc.nat(ALL - 1),
        fc.integer({ min: 0, max: 9 }),
        fc.nat(ALL - 1),
        (first, written, said) => {
          const management = managed(first);
          for (let sequence = 1; sequence <= written; sequence += 1) management.writeMessage(1, sequence);
          const accepted: number[] = [];
          const acknowledge = () =>
            management.acknowledge(1, said, { accepted: (_client, sequence) => accepted.push(sequence) });
          const newly = (said - first + ALL) % ALL;
          if (newly > written) expect(acknowledge).toThrow(ProtocolViolation);
          else acknowledge();
          expect(accepted).toHaveLength(newly > written ? 0 : newly);
        },
      ),
    );
  });

  test('asks for an acknowledgement behind every 32 stanzas, and keeps none that it will not write again', () => {
    const management = managed(0);
    const asked = Array.from({ length: 96 }, (_, index) => management.writeReceipt(1, 0, index + 1));
    expect(asked.flatMap((asks, index) => (asks ? [index + 1] : []))).toEqual([32, 64, 96]);
    const unresumed = new StreamManagement(1, false);
    expect(Array.from({ length: 96 }, () => unresumed.writeReceipt(0, 0, 1))).not.toContain(true);
    unresumed.writeText(0, '<iq/>');
    unresumed.writeMessage(0, 7);
    expect(unresumed.takeUnhandled(0)).toEqual([{ kind: 'message', sequence: 7 }]);
  });
});

test('names of sessions are kept for each client, whatever their lengths', () => {
  const clients = 5;
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(clients - 1), name), { maxLength: 8 }), (given) => {
      const ids = new SessionIds(clients);
      const expected = new Map<number, string>();
      for (const [client, id] of given) {
        ids.set(client, id);
        expected.set(client, id);
        for (let each = 0; each < clients; each += 1) expect(ids.get(each)).toBe(expected.get(each) ?? '');
      }
    }),
  );
  const ids = new SessionIds(1);
  ids.set(0, 'x'.repeat(4000));
  expect(ids.get(0)).toHaveLength(4000);
  expect(() => ids.set(0, 'x'.repeat(4001))).toThrow(expect.objectContaining({ reason: 'SessionIdTooLong' }));
});
