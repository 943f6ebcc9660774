import { describe, expect, test } from 'vitest';
import type { BusMessage } from '../../../server/bus/bus.js';
import { busMessageBytes, readBusMessage, writeBusMessage } from '../../../server/bus/bus-codec.js';
import { BUS_VERSIONS, BusVersionError, commonVersion } from '../../../server/cluster/bus-version.js';
import { HOMES, peerOf, quiet, startPeer, type TestPeer } from '../../support/cluster-peers.js';
import { LossyLinks } from '../../support/lossy-links.js';
import { startNatsServer } from '../../support/nats-server.js';

const ATTACH: BusMessage = { kind: 'attach', user: 7, worker: HOMES + 1, connection: 3, sent: 40 };
const ATTACH_OF_VERSION_1: BusMessage = { kind: 'attach', user: 7, worker: HOMES + 1, connection: 3 };

/** What the release before wrote: these very bytes. */
const BYTES_OF_VERSION_1 = Buffer.from('0f000000010000000000001c401100' + '03000000', 'hex');

function written(message: BusMessage, version?: number): Buffer {
  const bytes = Buffer.alloc(busMessageBytes(message, version));
  expect(writeBusMessage(message, bytes, 0, version)).toBe(bytes.length);
  return bytes;
}

/** Peers of these versions that know each other; home 1 is that of the second, home 0 that of the first. */
async function pair(one: [number, number], two: [number, number]): Promise<[TestPeer, TestPeer]> {
  const server = await startNatsServer();
  const versions = [one, two].map(([oldest, newest]) => ({ oldest, newest }));
  const [first, second] = await Promise.all(
    [1, 2].map((number, index) => startPeer(server, number, { versions: versions[index]! })),
  );
  for (const peer of [first!, second!]) for (const home of [0, 1]) peer.bus.place(home, home + 1);
  return [first!, second!];
}

describe('the versions of the bus', () => {
  test('are those of this build and of the release before', () => {
    expect(BUS_VERSIONS).toEqual({ oldest: 1, newest: 3 });
  });

  test('of a message are written as each release has written them', () => {
    expect(written(ATTACH, 1)).toEqual(BYTES_OF_VERSION_1);
    expect(written(ATTACH_OF_VERSION_1, 1)).toEqual(BYTES_OF_VERSION_1);
    expect(readBusMessage(BYTES_OF_VERSION_1, 4, BYTES_OF_VERSION_1.length, 1)).toEqual(ATTACH_OF_VERSION_1);
    expect(readBusMessage(BYTES_OF_VERSION_1, 4, BYTES_OF_VERSION_1.length, 2)).toEqual(ATTACH_OF_VERSION_1);
    const bytes = written(ATTACH);
    expect(readBusMessage(bytes, 4, bytes.length)).toEqual(ATTACH);
  });

  test('carry an epoch from version 3 on: what is written for a release before looks as that has written it', () => {
    const attached: BusMessage = { kind: 'attached', connection: 3, waiting: 9 };
    expect(written({ ...ATTACH, epoch: 7 }, 2)).toEqual(written(ATTACH, 2));
    expect(written(ATTACH, 2).toString('hex')).toBe(
      `13000000010000000000001c40${'1100'}${'03000000'}28000000`,
    );
    expect(written({ ...attached, epoch: 7 }, 2)).toEqual(written(attached, 2));
    for (const message of [
      { ...ATTACH, epoch: 7 },
      { ...ATTACH_OF_VERSION_1, epoch: 7 },
      { ...attached, epoch: 7 },
    ]) {
      const bytes = written(message, 3);
      expect(readBusMessage(bytes, 4, bytes.length, 3)).toEqual(message);
    }
  });

  test('that both know are spoken: one of the release before and one of this release understand each other', async () => {
    const [older, newer] = await pair([1, 1], [1, 2]);
    older.bus.up(newer.self);
    newer.bus.up(older.self);

    older.bus.gateway.send(1, ATTACH_OF_VERSION_1);
    newer.bus.gateway.send(0, ATTACH);
    newer.bus.hold(0);
    newer.bus.gateway.send(0, ATTACH);
    newer.bus.release(0);
    newer.bus.sayHeld(1, 0, 5);
    older.bus.home(0).send(HOMES + 2, { kind: 'attached', connection: 3, waiting: 9 });

    await expect.poll(() => newer.toHomes).toEqual([{ home: 1, message: ATTACH_OF_VERSION_1 }]);
    await expect
      .poll(() => older.toHomes.map(({ message }) => message))
      .toEqual([ATTACH_OF_VERSION_1, ATTACH_OF_VERSION_1]);
    await expect.poll(() => older.held).toEqual([{ home: 0, epoch: 5, peer: 2 }]);
    await expect
      .poll(() => newer.toConnections)
      .toEqual([{ home: 0, message: { kind: 'attached', connection: 3, waiting: 9 } }]);
    await quiet([older, newer]);
    expect([...older.troubles, ...newer.troubles]).toEqual([]);
  });

  test('of two new peers are the newest, and what that can say comes whole', async () => {
    const [one, two] = await pair([1, 2], [1, 2]);
    one.bus.up(two.self);
    two.bus.up(one.self);

    one.bus.gateway.send(1, ATTACH);
    one.bus.hold(1);
    one.bus.gateway.send(1, ATTACH);
    one.bus.release(1);

    await expect.poll(() => two.toHomes.map(({ message }) => message)).toEqual([ATTACH, ATTACH]);
    await quiet([one, two]);
  });

  test('without one in common keep two peers apart, and each is told what to do', async () => {
    const [one, two] = await pair([1, 2], [3, 4]);
    const words =
      /node node-2 \(peer 2\) speaks versions 3 to 4 of the bus and node node-1 \(peer 1\) versions 1 to 2: .*replace node node-1 by a release that also speaks version 3/;

    expect(() => one.bus.up(two.self)).toThrow(words);
    expect(() => two.bus.up(one.self)).toThrow(/replace node node-1 by a release/);
    expect(() => commonVersion(one.self, peerOf(9, { oldest: 3, newest: 3 }))).toThrow(BusVersionError);
    one.bus.gateway.send(1, ATTACH);
    expect(one.bus.gateway.isConnected(1)).toBe(false);
    expect(one.bus.waitingBytes).toBe(0);
  });

  test('without one in common with somebody who is there already do not keep a peer out', async () => {
    const server = await startNatsServer();
    const one = await startPeer(server, 1);
    const stranger = peerOf(2, { oldest: 1, newest: 1 });
    one.bus.up(stranger);

    await one.join(peerOf(3, { oldest: 2, newest: 2 }));

    expect(one.bus.gateway.isConnected(HOMES + 2)).toBe(false);
    expect(one.troubles).toEqual([
      expect.stringContaining('replace node node-2 by a release that also speaks version 2'),
    ]);
  });

  test('may bring messages that this build does not know: the link is told of, and goes on', () => {
    const links = new LossyLinks();
    const [{ link }, other] = links.ends;
    const receive = other.link.take.bind(other.link);
    // As one of a newer release would write it: an operation that is not among those of today.
    let isFirst = true;
    other.link.take = (header, bytes) => {
      if (isFirst) bytes[24 + 2 + 4] = 99;
      isFirst = false;
      receive(header, bytes);
    };
    for (const connection of [1, 2]) link.send(1, { kind: 'replaced', connection });
    link.flush();
    links.pass(10);
    link.send(1, { kind: 'replaced', connection: 3 });
    link.flush();
    links.pass(100);

    expect(other.got).toEqual([2, 3].map((connection) => ({ kind: 'replaced', connection })));
    expect(other.troubles).toEqual([
      expect.stringContaining('batch 1 has messages of a kind that is not known here'),
    ]);
  });
});
