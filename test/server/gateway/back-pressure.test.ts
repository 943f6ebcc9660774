import { describe, expect, test } from 'vitest';
import { encodeFrame } from '../../../protocol/encode.js';
import { FrameType } from '../../../protocol/frame.js';
import type { ProcessBus } from '../../../server/bus/bus.js';
import { Topology } from '../../../server/bus/topology.js';
import { InboundBudget } from '../../../server/gateway/inbound-budget.js';
import type { Session } from '../../../server/gateway/session.js';
import { TestClient } from '../../support/client.js';
import { addressOf, statsOf, testServer } from '../../support/server.js';

const MIB = 1_048_576;

/** A session as the budget sees it, and a bus on which `waitingBytes` wait. */
function connection(): Session & { isRead: boolean } {
  const session = {
    unanswered: 0,
    unansweredBytes: 0,
    isRead: true,
    stopReading: () => {
      session.isRead = false;
    },
    readOn: () => {
      session.isRead = true;
    },
  };
  return session as unknown as Session & { isRead: boolean };
}

describe('the budget of a worker', () => {
  const make = () => {
    const bus = { waitingBytes: 0 };
    return { bus, budget: new InboundBudget(bus as unknown as ProcessBus, { inboundBytes: 64 * MIB }) };
  };

  test('stops reading who floods, and nobody else', () => {
    const { budget } = make();
    const [flooder, bystander] = [connection(), connection()];

    for (let sent = 0; sent < 5; sent += 1) budget.asked(flooder, 64 * 1024);
    budget.asked(bystander, 100);

    expect([flooder.isRead, bystander.isRead]).toEqual([false, true]);
    for (let answered = 0; answered < 5; answered += 1) budget.answered(flooder);
    budget.turnEnded();
    expect(flooder.isRead).toBe(true);
  });

  test('is never spent, however many flood: each stops earlier, and bystanders are read on', () => {
    const { budget } = make();
    const flooders = Array.from({ length: 1000 }, connection);
    let bytes = 0;
    for (let isAnyRead = true; isAnyRead; ) {
      const read = flooders.filter(({ isRead }) => isRead);
      isAnyRead = read.length > 0;
      for (const flooder of read) {
        budget.asked(flooder, 1000);
        bytes += 1064;
      }
    }
    const bystander = connection();
    budget.asked(bystander, 100);

    expect(bytes).toBeLessThan(64 * MIB);
    expect(bystander.isRead).toBe(true);
  });

  test('takes nothing more on once it is spent, until something was answered', () => {
    const { budget } = make();
    const one = connection();
    budget.asked(one, 63 * MIB);
    expect(budget.isSpent).toBe(false);
    const other = connection();
    budget.asked(other, MIB);
    expect(budget.isSpent).toBe(true);
    budget.answered(one);
    expect(budget.isSpent).toBe(false);
  });

  test('counts acknowledgements while another process falls behind, and reads on when it has caught up', () => {
    const { bus, budget } = make();
    const flooder = connection();
    bus.waitingBytes = 4 * MIB;
    budget.turnEnded();

    for (let sent = 0; sent < 10_000 && flooder.isRead; sent += 1) budget.told(flooder);
    expect(flooder.isRead).toBe(false);
    budget.turnEnded();
    expect(flooder.isRead).toBe(false);
    bus.waitingBytes = 0;
    budget.turnEnded();

    expect(flooder.isRead).toBe(true);
  });

  test('has nothing left of a connection that is gone', () => {
    const { budget } = make();
    const gone = connection();
    for (let sent = 0; sent < 300; sent += 1) budget.asked(gone, 256 * 1024);
    budget.closed(gone);
    const next = connection();
    budget.asked(next, 100);
    expect(next.isRead).toBe(true);
  });
});

describe('while a home stands still, a flood', () => {
  const OFFERED_BYTES = 14 * MIB;
  /** What the kernel holds of it on its way, on both sides, and what the server may. */
  const TAKEN_BYTES = 10 * MIB;
  const CHUNK_BYTES = 64 * 1024;
  const [WORKERS, HOMES] = [2, 2];
  const topology = new Topology({ workers: WORKERS, homes: HOMES });
  const STILL = WORKERS;

  /** The first user from `user` on that has this home. */
  function userAt(home: number, user = 1): number {
    return topology.homeOf(user) === home ? user : userAt(home, user + 1);
  }

  async function start() {
    const server = await testServer({ workers: WORKERS, homes: HOMES, limits: { inboundBytes: 4 * MIB } });
    await expect.poll(async () => (await statsOf(server)).workers.length).toBe(WORKERS + HOMES);
    const pid = (await statsOf(server)).workers.find(({ worker }) => worker === STILL)?.pid as number;
    const flooder = await TestClient.login(addressOf(server), userAt(STILL));
    const bystander = await TestClient.login(addressOf(server), userAt(STILL + 1));
    return { pid, flooder, bystander };
  }

  /** Floods until the server takes no more, and serves a bystander then; when the home goes on, so does the flood. */
  async function flood({ pid, flooder, bystander }: Awaited<ReturnType<typeof start>>, frame: Buffer) {
    process.kill(pid, 'SIGSTOP');
    try {
      const bytes = Buffer.alloc(Math.floor(OFFERED_BYTES / frame.length) * frame.length, frame);
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
        flooder.sayBytes(bytes.subarray(at, at + CHUNK_BYTES));
      let before = -1;
      const hasStopped = () => {
        const isSame = flooder.unsentBytes === before;
        before = flooder.unsentBytes;
        return isSame;
      };
      await expect.poll(hasStopped, { interval: 300, timeout: 8000 }).toBe(true);
      expect(before).toBeGreaterThan(OFFERED_BYTES - TAKEN_BYTES);
      bystander.send(userAt(STILL + 1), 1, 'to myself');
      expect((await bystander.next(FrameType.Accepted)).id).toBe(1);
      process.kill(pid, 'SIGCONT');
      await expect.poll(() => flooder.unsentBytes).toBeLessThan(before);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await flooder.cut();
  }

  test('of messages stays with whoever sends it, others are served, and it goes on afterwards', async () => {
    const payload = Buffer.alloc(60_000);

    await flood(
      await start(),
      encodeFrame({ type: FrameType.Send, to: userAt(STILL, 1000), id: 1, payload }),
    );
  });
});
