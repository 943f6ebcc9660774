import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { BusMessage, BusReceiver } from '../../server/bus/bus.js';
import { busMessageBytes, writeBusMessage } from '../../server/bus/bus-codec.js';
import { BusReader } from '../../server/bus/bus-reader.js';
import { homeWorker, Topology } from '../../server/bus/topology.js';
import { UnixBus } from '../../server/bus/unix-bus.js';
import { QueueMonitor } from '../../server/queues/queue-monitor.js';
import { busMessage } from '../support/bus-messages.js';
import { testFolder } from '../support/folder.js';

describe('the bus codec', () => {
  test('gives back every message, however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(busMessage, { maxLength: 8 }),
        fc.integer({ min: 1, max: 500 }),
        (messages, cut) => {
          const stream = Buffer.alloc(messages.reduce((sum, message) => sum + busMessageBytes(message), 0));
          const end = messages.reduce((at, message) => writeBusMessage(message, stream, at), 0);
          const read: BusMessage[] = [];
          const reader = new BusReader((message) => read.push(message));
          for (let at = 0; at < end; at += cut) reader.read(stream.subarray(at, Math.min(end, at + cut)));
          expect(end).toBe(stream.length);
          expect(read).toEqual(messages);
        },
      ),
    );
  });
});

/** Does nothing but take messages. */
function receiver(receive: BusReceiver['receive']): BusReceiver {
  const nothing = () => undefined;
  return { receive, gathered: nothing, drained: nothing, lost: nothing };
}

describe('the bus between processes', () => {
  test('holds what comes before it can answer, and hands it on in order when it is opened', async () => {
    const folder = testFolder();
    const got: BusMessage[] = [];
    const topology = new Topology({ workers: 2, homes: 0 });
    const [early, late] = [0, 1].map((self) => new UnixBus({ self, topology, folder })) as [UnixBus, UnixBus];
    await Promise.all([early.listen(), late.listen()]);
    await early.connect();
    for (const connection of [1, 2, 3]) early.send(1, { kind: 'replaced', connection });
    early.flush();
    await late.connect();
    // A connection that nobody reads has something to read.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(got).toEqual([]);

    late.open(receiver((message) => got.push(message)));

    await expect
      .poll(() => got.map((message) => 'connection' in message && message.connection))
      .toEqual([1, 2, 3]);
    await Promise.all([early.close(), late.close()]);
  });
});

test('a message that comes in many pieces is put together once, not once a piece', () => {
  const message: BusMessage = {
    kind: 'submit',
    from: 1,
    worker: 0,
    connection: 1,
    to: 2,
    id: 1,
    payload: Buffer.alloc(60_000),
  };
  const stream = Buffer.alloc(busMessageBytes(message));
  writeBusMessage(message, stream, 0);
  const reader = new BusReader(() => undefined);
  const copy = vi.spyOn(Buffer.prototype, 'copy');
  const concat = vi.spyOn(Buffer, 'concat');

  for (let at = 0; at < stream.length; at += 100) reader.read(stream.subarray(at, at + 100));

  const copied = copy.mock.results.reduce((sum, { value }) => sum + value, 0);
  expect(copied).toBeLessThanOrEqual(2 * stream.length);
  expect(concat).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

describe('a queue', () => {
  test('raises one alert past its threshold, and clears it below half of that', () => {
    const changes: string[] = [];
    const monitor = new QueueMonitor({ mailboxes: 100 }, (alert) =>
      changes.push(alert.clearedAtMs === null ? 'raised' : `cleared, peak ${alert.peak}`),
    );

    for (const [at, length] of [50, 101, 99, 140, 51, 49, 60].entries())
      monitor.record(at, new Map([['mailboxes#3', length]]));

    expect(changes).toEqual(['raised', 'cleared, peak 140']);
    expect(monitor.alerts).toEqual([
      { queue: 'mailboxes#3', raisedAtMs: 1, clearedAtMs: 5, threshold: 100, peak: 140 },
    ]);
  });
});

test('consecutive users spread evenly over the workers', () => {
  const counts = new Array<number>(7).fill(0);
  for (let user = 1; user <= 70_000; user += 1) {
    const home = homeWorker(user, { first: 0, count: 7 });
    counts[home] = (counts[home] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});
