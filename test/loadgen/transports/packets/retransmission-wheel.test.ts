import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RetransmissionWheel, TICK_MS } from '../../../../loadgen/transports/packets/retransmission-wheel.js';

const CONNECTIONS = 8;
/** Further than the wheel is round. */
const LONGEST_MS = 60_000;

const step = fc.oneof(
  fc.record({
    do: fc.constant('arm' as const),
    connection: fc.nat(CONNECTIONS - 1),
    delayMs: fc.nat(LONGEST_MS),
  }),
  fc.record({ do: fc.constant('disarm' as const), connection: fc.nat(CONNECTIONS - 1) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(5000) }),
);

describe('the wheel of time-outs', () => {
  test('calls for a connection once its last time-out has come, and not if that was disarmed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const wheel = new RetransmissionWheel(CONNECTIONS, 0);
        const dueMs = new Array<number>(CONNECTIONS).fill(Number.POSITIVE_INFINITY);
        let nowMs = 0;
        const advance = (toMs: number): void => {
          nowMs = toMs;
          wheel.advance(nowMs, (connection) => {
            // A tick early is what the rounding of `now` may make of it.
            expect(nowMs).toBeGreaterThanOrEqual((dueMs[connection] as number) - TICK_MS);
            dueMs[connection] = Number.POSITIVE_INFINITY;
          });
        };
        for (const each of steps) {
          if (each.do === 'arm') {
            wheel.arm(each.connection, each.delayMs);
            dueMs[each.connection] = nowMs + each.delayMs;
          } else if (each.do === 'disarm') {
            wheel.disarm(each.connection);
            dueMs[each.connection] = Number.POSITIVE_INFINITY;
          } else {
            advance(nowMs + each.ms);
            for (const [connection, due] of dueMs.entries()) {
              expect(wheel.isArmed(connection)).toBe(due !== Number.POSITIVE_INFINITY);
              expect(due).toBeGreaterThan(nowMs - 2 * TICK_MS);
            }
          }
        }
      }),
    );
  });

  test('handles a crowd in several calls, so that what comes in meanwhile is read', () => {
    const crowd = 1000;
    const wheel = new RetransmissionWheel(crowd, 0);
    for (let connection = 0; connection < crowd; connection += 1) wheel.arm(connection, 100);
    const called: number[] = [];
    const counts: number[] = [];
    for (let call = 0; called.length < crowd; call += 1) {
      const before = called.length;
      wheel.advance(200, (connection) => called.push(connection));
      counts.push(called.length - before);
      // What was acknowledged between two calls needs no repeating.
      if (call === 0) wheel.disarm(crowd - 1);
      if (counts.at(-1) === 0) break;
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(256);
    expect(called).toEqual(Array.from({ length: crowd - 1 }, (_, connection) => connection));
  });
});
