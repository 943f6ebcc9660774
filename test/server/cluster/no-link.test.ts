import { expect, test } from 'vitest';
import { ClusterView } from '../../../server/cluster/cluster-view.js';
import { HomeDuties } from '../../../server/cluster/home-duties.js';
import type { LeaseTable, WhenWritten } from '../../../server/cluster/lease-table.js';
import { homeKey, peerKey } from '../../../server/cluster/table-entries.js';
import { peerOf } from '../../support/cluster-peers.js';

const SELF = 1;
const HOME = 0;
/** Past it nothing is answered any more: a loop without an end would end the test with it. */
const MOST_WRITES = 1000;

/** Duties of the only peer, whose home is open here and not yet in a table that gives no answer in no time. */
async function withoutLink() {
  let writes = 0;
  const timers: (() => void)[] = [];
  const write = (done: WhenWritten): void => {
    writes += 1;
    if (writes < MOST_WRITES) queueMicrotask(() => done({ kind: 'unknown', reason: 'no link' }));
  };
  const ignored = () => undefined;
  const after = (_ms: number, run: () => void): (() => void) => {
    timers.push(run);
    return ignored;
  };
  const listener = { peerHeard: ignored, peerGone: ignored, moved: ignored, wishesChanged: ignored };
  const view = new ClusterView(1, listener, () => 0);
  view.apply({ key: peerKey(SELF), value: { peer: peerOf(SELF), life: 'one', beat: 0 }, revision: 1 });
  const duties = new HomeDuties({
    table: {
      update: (_key: string, _value: unknown, _revision: number, done: WhenWritten) => write(done),
    } as LeaseTable,
    view,
    keeper: { open: async () => undefined, handOver: async () => undefined, drop: ignored },
    scheduler: { now: () => 0, after },
    log: ignored,
  });
  duties.begin(SELF);
  const place = { home: HOME, owner: SELF, epoch: 1, state: 'opening' as const };
  view.apply({ key: homeKey(HOME), value: place, revision: 2 });
  duties.moved(place);
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  await settled();
  return { writes: () => writes, timers, settled };
}

test('what a table without a link does not take is written again after a while: until then the process is free', async () => {
  const { writes, timers, settled } = await withoutLink();
  expect(writes()).toBe(1);
  for (const run of timers.splice(0)) run();
  await settled();
  expect(writes()).toBe(2);
});
