import { describe, expect, test } from 'vitest';
import {
  type ConnectedMemory,
  connectedMemory,
  socketNote,
} from '../../../loadgen/recording/connection-memory.js';
import { MemoryRamp, type MemoryReading, rampIntervalMs } from '../../../loadgen/recording/memory-ramp.js';
import {
  CLIENT_BYTES,
  memoryReading,
  type Others,
  SERVER_BYTES,
  SOCKET_BYTES,
} from '../../fixtures/memory.js';

const CONNECTIONS = 5000;
const MIB = 2 ** 20;

interface Ramp {
  readings?: number;
  connections?: number;
  /** What other processes hold at each share of the ramp, 0 to 1. */
  others?: (share: number) => Others;
  change?: (reading: MemoryReading, index: number) => MemoryReading;
}

/** Clients that connect at an even rate, 25 readings of it unless said otherwise. */
function ramp({
  readings = 25,
  connections = CONNECTIONS,
  others = () => ({}),
  change = (reading) => reading,
}: Ramp): ConnectedMemory {
  const memory = new MemoryRamp();
  for (let index = 1; index <= readings; index += 1) {
    const share = index / (readings + 1);
    memory.add(change(memoryReading(Math.round(connections * share), others(share)), index));
  }
  return {
    before: change(memoryReading(0, others(0)), 0),
    after: change(memoryReading(connections, others(1)), readings + 1),
    slopes: memory.slopes(),
    logins: connections,
    ends: { sockets: 2, fewest: 1, isWhole: true },
    agents: 2,
  };
}

const QUIET = connectedMemory(ramp({}));
const EXPECTED = {
  kernel: 2 * SOCKET_BYTES,
  server: SERVER_BYTES,
  client: CLIENT_BYTES,
  total: 2 * SOCKET_BYTES + SERVER_BYTES + CLIENT_BYTES,
};

describe('bytes a connection', () => {
  test('are the slope of memory while clients connect', () => {
    expect(QUIET.bytesPerConnection).toMatchObject({
      ...EXPECTED,
      method: { kernel: 'slope', server: 'slope', client: 'slope' },
    });
  });

  test('of a server that does not tell its connections are known by the sockets of the host', () => {
    const untold = (reading: MemoryReading): MemoryReading => ({
      ...reading,
      server: reading.server && { ...reading.server, connections: null },
    });
    const { bytesPerConnection } = connectedMemory(ramp({ change: untold }));
    expect(bytesPerConnection).toMatchObject({ server: SERVER_BYTES, method: { server: 'slope' } });
    const few = connectedMemory(ramp({ readings: 3, change: untold })).bytesPerConnection;
    expect(few).toMatchObject({ server: SERVER_BYTES, method: { server: 'difference' } });
  });

  test.each([
    ['lets go of 30 MiB of names of files', { dentries: 100_000 }, { dentries: 100_000 - (30 * MIB) / 192 }],
    ['takes 30 MiB for names of files', {}, { dentries: 100_000 + (30 * MIB) / 192 }],
    ['lets go of 30 MiB of the slab', { slabBytes: 200e6 }, { slabBytes: 200e6 - 30 * MIB }],
    ['lets go of 30 MiB of socket buffers', { bufferBytes: 30 * MIB }, { bufferBytes: 0 }],
    ['opens 3,000 sockets', {}, { sockets: 3012 }],
  ] satisfies [string, Others, Others][])(
    'do not change by 5 %% where another process %s in the middle of the ramp',
    (_, before, after) => {
      const { bytesPerConnection } = connectedMemory(
        ramp({ others: (share) => (share < 0.5 ? before : after) }),
      );
      expect(apart(bytesPerConnection.total, EXPECTED.total)).toBeLessThan(0.05);
      expect(apart(bytesPerConnection.wholeSlab, QUIET.bytesPerConnection.wholeSlab)).toBeLessThan(0.05);
      expect(bytesPerConnection.socketBuffers).toBe(0);
    },
  );

  test('do not count the names that another process makes the kernel remember all the while', () => {
    const { bytesPerConnection } = connectedMemory(
      ramp({ others: (share) => ({ dentries: 100_000 + 300_000 * share }) }),
    );
    expect(apart(bytesPerConnection.kernel, EXPECTED.kernel)).toBeLessThan(0.01);
    expect(bytesPerConnection.wholeSlab).toBeGreaterThan(1.5 * EXPECTED.kernel);
  });

  test('do not change where the slab of an earlier run is given back while clients connect', () => {
    const { bytesPerConnection } = connectedMemory(
      ramp({ others: (share) => ({ slabBytes: 200e6 - 20 * MIB * Math.min(1, 8 * share) }) }),
    );
    expect(apart(bytesPerConnection.total, EXPECTED.total)).toBeLessThan(0.05);
  });

  test('count the garbage of the server neither where it is made nor where it is collected', () => {
    const { bytesPerConnection } = connectedMemory(
      ramp({
        readings: 60,
        connections: 60_000,
        change: (reading, index) => withServerBytes(reading, 3 * MIB * (index % 7)),
      }),
    );
    expect(apart(bytesPerConnection.server, SERVER_BYTES)).toBeLessThan(0.05);
  });

  test('are the growth where clients connect too fast for a line', () => {
    const { bytesPerConnection } = connectedMemory(ramp({ readings: 3 }));
    expect(bytesPerConnection).toMatchObject({
      ...EXPECTED,
      method: { kernel: 'difference', server: 'difference', client: 'difference' },
    });
  });

  test('of a short ramp do not change by 5 % either where another process lets go of names of files', () => {
    const { bytesPerConnection } = connectedMemory(
      ramp({ readings: 3, others: (share) => ({ dentries: share < 0.5 ? 200_000 : 50_000 }) }),
    );
    expect(apart(bytesPerConnection.total, EXPECTED.total)).toBeLessThan(0.05);
  });

  test('take an answer of the server for a point only when it is new', () => {
    const stale = memoryReading(0).server;
    const slopes = ramp({ change: (reading) => ({ ...reading, server: stale }) }).slopes;
    expect(slopes.server).toBeNull();
    expect(slopes.socket).not.toBeNull();
  });

  test('of a part that did not grow are not measured, and no zero that passes every gate', () => {
    const run = ramp({ readings: 3, change: (reading) => ({ ...reading, clientBytes: 1e9 }) });
    expect(connectedMemory(run).bytesPerConnection).toMatchObject({ client: null, total: null });
  });

  test('where only the whole slab is known are its slope, and nothing where others opened sockets in a short ramp', () => {
    const blind = (reading: MemoryReading): MemoryReading => ({
      ...reading,
      kernel: { ...reading.kernel, caches: null },
    });
    const { bytesPerConnection } = connectedMemory(ramp({ change: blind }));
    expect(apart(bytesPerConnection.kernel, 2 * (SOCKET_BYTES + 500))).toBeLessThan(0.01);
    const disturbed = ramp({
      readings: 3,
      change: blind,
      others: (share) => ({ sockets: share < 0.5 ? 12 : 4000 }),
    });
    expect(connectedMemory(disturbed).bytesPerConnection.kernel).toBeNull();
  });
});

describe('beside them', () => {
  test('stands what a process holds for itself', () => {
    expect(QUIET.perProcess).toEqual({ server: 30 * MIB, agent: 20 * MIB });
  });

  test('stands the whole slab, with what the kernel remembers of the connections elsewhere', () => {
    expect(QUIET.bytesPerConnection.wholeSlab).toBe(2 * (SOCKET_BYTES + 500));
  });

  test('stands by how many sockets the host rose, and a note where that is not what the connections have', () => {
    expect(QUIET.sockets).toEqual({ expected: 10_000, opened: 10_000 });
    expect(socketNote(QUIET)).toBeUndefined();
    const disturbed = connectedMemory(ramp({ others: (share) => ({ sockets: share < 0.5 ? 12 : 3012 }) }));
    expect(socketNote(disturbed)).toBe(
      'the TCP sockets of this host changed by 13000 while the clients connected, where 10000 more were to be ' +
        'expected: another process was at work, and memory a connection is less certain',
    );
  });

  test('a target that was there before has a whole number of sockets a connection', () => {
    const { sockets, bytesPerConnection } = connectedMemory({
      ...ramp({}),
      ends: { sockets: null, fewest: 1, isWhole: true },
    });
    expect(sockets?.expected).toBe(10_000);
    expect(bytesPerConnection.kernel).toBe(EXPECTED.kernel);
  });

  test('with clients elsewhere its kernel memory is that of one socket, and those of the host rose by one', () => {
    const { sockets, bytesPerConnection } = connectedMemory({
      ...ramp({ change: (reading) => withSockets(reading, reading.kernel.sockets / 2) }),
      ends: { sockets: null, fewest: 1, isWhole: false },
    });
    expect(sockets).toEqual({ expected: 5000, opened: 5000 });
    expect(bytesPerConnection.client).toBeGreaterThan(0);
  });

  test('with half of the clients on this machine, lent beside another, it is that of one socket and a half', () => {
    const { sockets, bytesPerConnection } = connectedMemory({
      ...ramp({ change: (reading) => withSockets(reading, Math.round(reading.kernel.sockets * 0.75)) }),
      ends: { sockets: null, fewest: 1, isWhole: false },
    });
    expect(sockets?.expected).toBe(sockets?.opened);
    expect(sockets?.opened).toBe(7500);
    expect(bytesPerConnection.kernel).not.toBe(null);
  });

  test('with server and clients elsewhere the kernel of this host says nothing of it, and that is no disturbance', () => {
    const memory = connectedMemory({
      ...ramp({ change: (reading) => withSockets(reading, 12) }),
      ends: { sockets: null, fewest: 0, isWhole: false },
    });
    expect(memory.bytesPerConnection).toMatchObject({
      kernel: null,
      total: null,
      socketBuffers: null,
      wholeSlab: null,
      server: EXPECTED.server,
    });
    expect(memory.bytesPerConnection.client).toBeGreaterThan(0);
    expect(memory.sockets).toEqual({ expected: 0, opened: 0 });
    expect(socketNote(memory)).toBeUndefined();
  });

  test('where there is no /proc, nothing is said', () => {
    const empty = (reading: MemoryReading): MemoryReading => ({
      kernel: {
        sockets: 0,
        caches: null,
        sample: { ...reading.kernel.sample, slabBytes: 0, socketBufferBytes: 0 },
      },
      server: null,
      clientBytes: null,
    });
    const memory = connectedMemory(ramp({ change: empty }));
    expect(memory.bytesPerConnection).toMatchObject({
      kernel: null,
      server: null,
      client: null,
      total: null,
      socketBuffers: null,
      wholeSlab: null,
    });
    expect(socketNote(memory)).toBeUndefined();
  });
});

test('a ramp of seconds is read as often as one of half a minute, and a long one once a second', () => {
  expect([rampIntervalMs(500), rampIntervalMs(5000), rampIntervalMs(300_000)]).toEqual([100, 200, 1000]);
});

test('a ramp of hours is kept within bounds, and its slope stays', () => {
  const { slopes } = ramp({ readings: 5000, connections: 500_000 });
  expect(slopes.server).toBeCloseTo(SERVER_BYTES, 0);
});

function apart(value: number | null | undefined, wanted: number | null | undefined): number {
  if (typeof value !== 'number' || typeof wanted !== 'number') return Number.POSITIVE_INFINITY;
  return Math.abs(value / wanted - 1);
}

function withSockets(reading: MemoryReading, sockets: number): MemoryReading {
  return { ...reading, kernel: { ...reading.kernel, sockets } };
}

function withServerBytes(reading: MemoryReading, bytes: number): MemoryReading {
  const { server } = reading;
  return { ...reading, server: server && { ...server, privateBytes: server.privateBytes + bytes } };
}
