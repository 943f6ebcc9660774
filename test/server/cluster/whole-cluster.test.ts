import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SimulatedCluster } from '../../support/simulated-cluster.js';

/** More of them: C2M_CLUSTER_SEEDS=1000 npx vitest run test/server/cluster/whole-cluster.test.ts, or from another one on. */
const SEEDS = Number(process.env.C2M_CLUSTER_SEEDS ?? 3);
const FIRST_SEED = Number(process.env.C2M_CLUSTER_FIRST_SEED ?? 1);

const STEP_MS = 100;
const DISTURBED_MS = 20_000;
const CALM_WITHIN_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers({
    now: 1_800_000_000_000,
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'setImmediate',
      'clearImmediate',
      'Date',
      'performance',
    ],
  });
});

afterEach(() => {
  vi.useRealTimers();
});

const realImmediate = setImmediate;

/** Lets so much time pass, from timer to timer, with all that follows from each of them before the next. */
async function pass(ms: number): Promise<void> {
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, ms);
  while (!isOver) {
    vi.advanceTimersToNextTimer();
    await new Promise((resolve) => realImmediate(resolve));
  }
}

async function whatHappens(seed: number): Promise<{ broken: string[]; lines: string[]; messages: number }> {
  const cluster = new SimulatedCluster(seed, { nodes: 3, homes: 6, users: 10 });
  await pass(3000);
  for (let atMs = 0; atMs < DISTURBED_MS; atMs += STEP_MS) {
    cluster.chat();
    if (atMs % 500 === 0) cluster.disturb();
    await pass(STEP_MS);
  }
  cluster.calm();
  for (let atMs = 0; atMs < CALM_WITHIN_MS && !cluster.isDone; atMs += STEP_MS) {
    await pass(STEP_MS);
    for (const user of cluster.users) user.look();
  }
  const broken = [...cluster.violations, ...cluster.missing()];
  cluster.stop();
  vi.clearAllTimers();
  return { broken, lines: cluster.lines, messages: cluster.messages.size };
}

describe('a cluster whose homes move, whose nodes die, leave and are cut off, and whose logs are full now and then', () => {
  test.for(Array.from({ length: SEEDS }, (_, at) => FIRST_SEED + at))(
    'keeps its promises (seed %i)',
    { timeout: 60_000 },
    async (seed) => {
      const { broken, lines, messages } = await whatHappens(seed);
      expect(messages).toBeGreaterThan(100);
      expect(broken, lines.slice(-400).join('\n')).toEqual([]);
    },
  );
});
