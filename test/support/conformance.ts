import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { DriverPlan, Endpoint } from '../../loadgen/agent-messages.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type Driver,
  ProtocolViolation,
} from '../../loadgen/drivers/driver.js';
import { loadDriver } from '../../loadgen/drivers/load-driver.js';
import type { Measurement } from '../../record/run.js';
import type { Scenario } from '../../scenarios/scenario.js';
import type { Faults } from '../fixtures/faulty-router.js';
import { buffered } from './output.js';
import { testRun, testScenario } from './run.js';

export interface RunningServer {
  endpoint: Endpoint;
  close(): Promise<void>;
}

/** A driver, and a server of its protocol that a test can make do wrong. */
export interface Conformance {
  driver: DriverPlan;
  start(faults: Faults): Promise<RunningServer>;
  /** What else its scenarios need, such as groups. */
  change?(scenario: Scenario): void;
}

const every = (n: number) => (message: number) => message % n === 0;

/**
 * What every driver has to hold to, whatever it speaks: against a right server nothing is wrong, and of a server with one
 * fault the record says exactly that.
 */
export function conforms(words: string, { driver, start, change }: Conformance): void {
  const servers: RunningServer[] = [];
  afterAll(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  const measure = async (
    faults: Faults,
    also: (scenario: Scenario) => void = () => undefined,
  ): Promise<Measurement> => {
    const server = await start(faults);
    servers.push(server);
    const scenario = testScenario((made) => {
      change?.(made);
      also(made);
    });
    const { measurement } = await testRun(scenario, server.endpoint, null, null, null, driver);
    return measurement;
  };
  const FLAWLESS = { lost: 0, duplicated: 0, corrupted: 0, refused: 0, unsent: 0, leftOver: 0 };

  // All at once: most of a run is waiting.
  describe.concurrent(words, () => {
    test('carries every message of a right server once, whole and in order', async () => {
      const promises = (await loadDriver(driver.name, driver.settings)).promises(driver.settings);
      const { messages, connections } = await measure({});
      expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
      expect(messages.sent).toBeGreaterThan(100);
      expect(messages).toMatchObject({ ...FLAWLESS, delivered: messages.sent });
      expect(messages.accepted).toBe(promises.accepted ? messages.sent : null);
      expect(messages.receipted).toBe(promises.receipt ? messages.sent : null);
      expect(messages.outOfOrder).toBe(promises.order === 'per-sender' ? 0 : null);
    });

    test('tells what a server drops', async () => {
      const { messages } = await measure({ drops: every(10) }, (scenario) => {
        scenario.generator.drainMs = 1500;
      });
      expect(messages).toMatchObject({ ...FLAWLESS, lost: Math.floor(messages.sent / 10) });
    });

    test('tells what a server sends twice', async () => {
      const { messages } = await measure({ duplicates: every(10) });
      expect(messages).toMatchObject({ ...FLAWLESS, duplicated: Math.floor(messages.sent / 10) });
    });

    test('tells what a server puts out of order', async () => {
      const { messages } = await measure({ overtakes: every(10) }, (scenario) => {
        // Few who talk much: there is a message that can overtake.
        scenario.clients.count = 2;
        scenario.generator.drainMs = 1500;
      });
      if (messages.outOfOrder !== null) expect(messages.outOfOrder).toBeGreaterThan(5);
      expect(messages).toMatchObject({ duplicated: 0, corrupted: 0 });
    });

    test('tells how late a server is', async () => {
      const { messages, latency } = await measure({ delayMs: (message) => (message === 50 ? 700 : 0) });
      expect(messages).toMatchObject(FLAWLESS);
      expect(latency.delivered.max).toBeGreaterThan(690);
      expect(latency.delivered.p50).toBeLessThan((latency.delivered.max ?? 0) - 350);
    });

    test('tells what a server spoils', async () => {
      const { messages } = await measure(
        {
          corrupts: (message, payload) => {
            if (message % 10 !== 0) return undefined;
            payload[payload.length >> 1] = (payload[payload.length >> 1] as number) ^ 1;
            return payload;
          },
        },
        (scenario) => {
          scenario.generator.drainMs = 1500;
        },
      );
      expect(messages).toMatchObject({ duplicated: 0, corrupted: Math.floor(messages.sent / 10) });
    });
  });
}

/** All that a driver has told, in words. */
export function toldBy(events: string[]): ClientEvents {
  return {
    loggedIn: (client) => events.push(`loggedIn ${client}`),
    sessionBegan: (client) => events.push(`sessionBegan ${client}`),
    unhandled: (client, sequence) => events.push(`unhandled ${client} ${sequence}`),
    accepted: (client, sequence) => events.push(`accepted ${client} ${sequence}`),
    delivered: (client, payload, isRedelivery) =>
      events.push(`delivered ${client} ${payload.toString('hex')} ${isRedelivery}`),
    deliveredAs: (client, from, sequence, payload, isRedelivery) =>
      events.push(`deliveredAs ${client} ${from} ${sequence} ${payload.toString('hex')} ${isRedelivery}`),
    receipted: (client, by, sequence) => events.push(`receipted ${client} ${by} ${sequence}`),
    undeliverable: (client, by, sequence) => events.push(`undeliverable ${client} ${by} ${sequence}`),
    refused: (client, sequence, reason) => events.push(`refused ${client} ${sequence} ${reason}`),
    ended: (client, reason) => events.push(`ended ${client} ${reason}`),
    hasSomethingToWrite: () => undefined,
    startTls: (client) => events.push(`startTls ${client}`) > 0,
  };
}

/** A protocol whose client 0 has just been connected. */
export function openedClient(
  driver: Driver,
  settings: unknown,
): { protocol: ClientProtocol; events: string[] } {
  const events: string[] = [];
  const range = { count: 4, firstUser: 1, run: 7, groupMembers: null, heartbeatMs: 10_000 };
  const protocol = driver.create(settings, range, toldBy(events));
  protocol.opened(0, buffered());
  return { protocol, events };
}

/** Gives bytes as a transport would: what was not taken comes again with what follows. */
export function feed(protocol: ClientProtocol, chunks: readonly Buffer[]): void {
  let rest: Buffer = Buffer.alloc(0);
  for (const chunk of chunks) {
    const available = Buffer.concat([rest, chunk]);
    const taken = protocol.received(0, available, buffered());
    rest = Buffer.from(available.subarray(taken));
  }
}

/** A stream of bytes means the same wherever it is split. */
export function meansTheSameAtEverySplit(driver: Driver, settings: unknown, bytes: Buffer): void {
  const whole = openedClient(driver, settings);
  feed(whole.protocol, [bytes]);
  expect(whole.events.length).toBeGreaterThan(0);
  for (let at = 1; at < bytes.length; at += 1) {
    const split = openedClient(driver, settings);
    feed(split.protocol, [bytes.subarray(0, at), bytes.subarray(at)]);
    expect(split.events).toEqual(whole.events);
  }
  const single = openedClient(driver, settings);
  feed(
    single.protocol,
    Array.from(bytes, (byte) => Buffer.from([byte])),
  );
  expect(single.events).toEqual(whole.events);
}

/** Whatever a server sends, an agent goes on: bytes are taken, or they break the protocol. */
export function survivesAnyBytes(
  driver: Driver,
  settings: unknown,
  beginning: Buffer = Buffer.alloc(0),
): void {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
      const { protocol } = openedClient(driver, settings);
      try {
        feed(protocol, [beginning, ...chunks.map((chunk) => Buffer.from(chunk))]);
      } catch (error) {
        if (!(error instanceof ProtocolViolation)) throw error;
      }
    }),
    { numRuns: 500 },
  );
}
