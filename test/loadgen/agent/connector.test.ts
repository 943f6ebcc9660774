import { describe, expect, test } from 'vitest';
import { Connector } from '../../../loadgen/agent/connector.js';
import { IntervalHistograms } from '../../../loadgen/agent/interval-histograms.js';
import { ClientState, type Population } from '../../../loadgen/agent/population.js';
import type { AgentPlan } from '../../../loadgen/agent-messages.js';

const LONGEST_BACKOFF_MS = 8000;

/** The ports that client 0 dials, where `isGone` says which of them nobody listens at, on a clock of the test's own. */
class Dialler {
  readonly ports: number[] = [];
  readonly #connector: Connector;
  #nowMs = 1000;

  constructor(addresses: number, isGone: (port: number) => boolean) {
    const endpoints = Array.from({ length: addresses }, (_, port) => ({
      protocol: 'tcp' as const,
      host: '127.0.0.1',
      port,
    }));
    const plan = {
      endpoints,
      count: 1,
      connectRate: 1000,
      reconnectRate: 1000,
      connectTimeoutMs: 5000,
      agent: 0,
      run: 1,
    };
    const population = {
      opening: 0,
      stateOf: () => ClientState.Offline,
      isOnline: () => false,
      connectDue: () => undefined,
      connect: (client: number, { port }: { port: number }) => {
        this.ports.push(port);
        if (isGone(port)) this.#connector.enqueueAfterFailure(client, this.#nowMs);
        else this.#connector.succeeded(client);
      },
    };
    this.#connector = new Connector(
      { ...plan, transport: 'sockets', partnersApart: true } as unknown as AgentPlan,
      population as unknown as Population,
      new IntervalHistograms('connect'),
      () => true,
      () => undefined,
    );
    this.#connector.start(this.#nowMs);
    this.#connector.tick(this.#nowMs);
  }

  /** Its connection has ended. */
  drop(): void {
    this.#connector.enqueue(0, this.#nowMs);
    this.#connector.tick(this.#nowMs);
  }

  /** Until it says that there is something to do; how long that is. */
  sleep(): number {
    const sleptMs = this.#connector.nextMs - this.#nowMs;
    this.#nowMs = this.#connector.nextMs;
    this.#connector.tick(this.#nowMs);
    return sleptMs;
  }

  /** Long enough for the longest back-off. */
  wait(): void {
    this.#nowMs += LONGEST_BACKOFF_MS;
    this.#connector.tick(this.#nowMs);
  }
}

describe('a client of a target with several addresses', () => {
  test('comes back to the address where it was', () => {
    const dialler = new Dialler(3, () => false);
    dialler.drop();
    expect(dialler.ports).toEqual([0, 0]);
  });

  test('tries the next one when its own is gone, and stays with that while it is connected', () => {
    const gone = new Set<number>();
    const dialler = new Dialler(3, (port) => gone.has(port));
    gone.add(0).add(1);
    dialler.drop();
    dialler.wait();
    dialler.wait();
    dialler.wait();
    expect(dialler.ports).toEqual([0, 0, 1, 2]);
  });

  test('is tried again after a back-off, and in between there is nothing to do', () => {
    const dialler = new Dialler(2, () => true);
    const slept = Array.from({ length: 6 }, () => dialler.sleep());
    expect(slept).toEqual([500, 1000, 2000, 4000, 8000, 8000]);
    expect(dialler.ports).toEqual([0, 1, 0, 1, 0, 1, 0]);
  });

  test('goes round for as long as it takes', () => {
    const dialler = new Dialler(3, () => true);
    for (let tries = 0; tries < 1000; tries += 1) dialler.wait();
    // Where the count of failures begins anew one may come again, or be passed over.
    const rounds = Array.from({ length: 300 }, (_, round) => dialler.ports.slice(3 * round, 3 * round + 4));
    for (const round of rounds) expect(new Set(round).size).toBeGreaterThanOrEqual(2);
    for (const port of [0, 1, 2])
      expect(dialler.ports.filter((each) => each === port).length).toBeGreaterThan(300);
  });
});
