import { expect, test } from 'vitest';
import { fuzz, type Listener } from '../../bench/fuzzer.js';
import { FrameType } from '../../protocol/frame.js';
import { TestClient } from '../support/client.js';
import { testServer } from '../support/server.js';

/** `npm run fuzz` sends a million to each. */
const INPUTS = 5000;

test.each<Listener>(['tcp', 'tls', 'ws', 'http'])(
  'whatever comes in over %s is served or refused with a reason, and the server is as before',
  async (listener) => {
    const server = await testServer({
      listen: ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0', 'ws://127.0.0.1:0'],
      limits: { mailboxLength: 50 },
    });
    const address = server.addresses.find(({ protocol }) => protocol === listener);
    const port = address?.port ?? Number(new URL(server.adminUrl ?? '').port);

    const result = await fuzz({ listener, port, inputs: INPUTS, seed: 7, parallel: 16, broken: 0.1 });

    expect(result.inputs).toBe(INPUTS);
    expect(result.endedWithReason).toBeGreaterThan(50);
    expect(result.silentExamples).toEqual([]);
    expect(result.reset).toBeLessThan(result.connections / 10);
    const anna = await TestClient.login(server.addresses[0] as never, 1000);
    anna.send(1000, 1, 'still here');
    await anna.next(FrameType.Accepted);
    expect((await anna.next(FrameType.Deliver)).id).toBe(1);
  },
  60_000,
);
