import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { FrameType } from '../../../../protocol/frame.js';
import { frameOf, type TestHome, testHome } from '../../../support/home.js';
import { openTestStore, testConnection } from '../../../support/jetstream-store.js';
import { startNatsServer } from '../../../support/nats-server.js';

const [ANNA, BERT] = [1, 2];

async function openHome(
  connection: NatsConnection,
  epoch: number,
): Promise<TestHome & { end(): Promise<void> }> {
  const { store } = await openTestStore(connection, epoch, { snapshotBytes: 20_000 });
  const sut = testHome(store, { newRecipientsPerSecond: 0 });
  return { ...sut, end: () => store.close() };
}

/** Commits, as the loop of a worker does, until `isSo`. */
async function turnUntil(sut: TestHome, isSo: () => boolean): Promise<void> {
  await expect
    .poll(
      () => {
        sut.home.commit();
        return isSo();
      },
      { interval: 5 },
    )
    .toBe(true);
}

function accepted(sut: TestHome): number[] {
  return sut.said.flatMap((said) => (said.kind === 'accepted' ? [said.id] : []));
}

function delivered(sut: TestHome): number[] {
  return sut.said.flatMap((said) => {
    if (said.kind !== 'deliver') return [];
    const frame = frameOf(said.frame);
    return frame.type === FrameType.Deliver ? [frame.id] : [];
  });
}

test('what a home has accepted waits for its user in whoever takes the home over, in order and once', async () => {
  const server = await startNatsServer({ hasJetStream: true });
  const connection = await testConnection([`nats://127.0.0.1:${server.endpoint.port}`]);
  const ids = Array.from({ length: 300 }, (_, at) => at + 1);
  const first = await openHome(connection, 1);
  for (const id of ids.slice(0, 200)) {
    first.submit(ANNA, BERT, id);
    if (id % 7 === 0) first.home.commit();
  }
  // Nothing is said before JetStream has it.
  expect(accepted(first)).toEqual([]);
  await turnUntil(first, () => accepted(first).length === 200);
  first.attach(BERT);
  await turnUntil(first, () => delivered(first).length === 200);
  first.acknowledge(BERT, 50);
  await turnUntil(first, () => first.counters.acknowledged === 50);
  await first.end();

  const second = await openHome(connection, 2);
  // What was accepted shortly before is accepted again, and there once.
  const again = ids.slice(160);
  for (const id of again) second.submit(ANNA, BERT, id);
  await turnUntil(second, () => accepted(second).length === again.length);
  second.attach(BERT);
  await turnUntil(second, () => delivered(second).length === 250);
  expect(delivered(second)).toEqual(ids.slice(50));
});
