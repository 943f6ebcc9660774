import { expect, test } from 'vitest';
import { TalkingMemory } from '../../../loadgen/recording/talking-memory.js';
import type { TimelineSample } from '../../../record/timeline.js';
import { CLIENT_BYTES, memoryReading, SERVER_BYTES, SOCKET_BYTES } from '../../fixtures/memory.js';

const OPEN = 1000;
const BOTH_ENDS = { sockets: 2, fewest: 1, isWhole: true } as const;

/** A second of a phase in which the server holds `queuedBytes` more than its connections take. */
function secondOf(talking: TalkingMemory, queuedBytes: number, bufferBytes = 0, open = OPEN): void {
  const { kernel, server, clientBytes } = memoryReading(OPEN, { bufferBytes });
  const sample = {
    connections: { open },
    server: server && { privateBytes: server.privateBytes + queuedBytes },
    generator: { privateBytes: clientBytes },
  };
  talking.add(sample as TimelineSample, kernel);
}

test('a connection that talks costs what is held more than before the first connect, over the open connections', () => {
  const talking = new TalkingMemory(memoryReading(0), BOTH_ENDS);
  secondOf(talking, 500_000, 64_000);
  expect(talking.summary()).toEqual({
    kernel: 2 * SOCKET_BYTES,
    server: SERVER_BYTES + 500,
    client: CLIENT_BYTES,
    total: 2 * SOCKET_BYTES + SERVER_BYTES + 500 + CLIENT_BYTES,
    socketBuffers: 64,
    wholeSlab: 2 * (SOCKET_BYTES + 500),
  });
});

test('one second in which another process fills its socket buffers does not decide', () => {
  const talking = new TalkingMemory(memoryReading(0), { sockets: null, fewest: 1, isWhole: true });
  for (const bufferBytes of [0, 0, 30 * 2 ** 20, 0]) secondOf(talking, 0, bufferBytes);
  expect(talking.summary()).toMatchObject({ socketBuffers: 0, kernel: 2 * SOCKET_BYTES });
});

test('where nobody is connected, nobody talks', () => {
  const talking = new TalkingMemory(memoryReading(0), BOTH_ENDS);
  secondOf(talking, 0, 0, 0);
  expect(talking.summary()).toBeNull();
});
