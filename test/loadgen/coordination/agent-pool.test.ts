import { expect, test } from 'vitest';
import type { LedgerTotals } from '../../../loadgen/agent/ledger.js';
import type { FromAgent } from '../../../loadgen/agent-messages.js';
import { AgentPool } from '../../../loadgen/coordination/agent-pool.js';
import type { AgentLink, Coordinator } from '../../../loadgen/coordination/coordinator.js';
import { LocalAgents, thisHost } from '../../../loadgen/coordination/local-agents.js';
import { planAgents } from '../../../loadgen/plan.js';
import { planHostOf } from '../../support/hosts.js';
import { testScenario } from '../../support/run.js';

const host = thisHost('0.0.0');

/** Two agents that are ready at once, and what a test lets them say and do. */
function twoAgents() {
  const says: ((message: FromAgent) => void)[] = [];
  const ends: ((how: string) => void)[] = [];
  const plans = planAgents(
    testScenario((scenario) => {
      scenario.generator.agents = 2;
    }),
    { endpoints: [], hosts: [planHostOf(host)], driver: { name: 'c2m', settings: {} }, run: 1 },
  );
  const links = plans.map((plan): AgentLink => {
    const ended = new Promise<string>((resolve) => ends.push(resolve));
    return {
      host,
      plan,
      ended,
      tell: () => undefined,
      onMessage: (listener) => {
        says.push(listener);
        listener({ kind: 'ready' });
      },
      privateBytes: () => null,
      part: async () => void ends[plan.agent]?.('exit 0'),
      kill: () => ends[plan.agent]?.('SIGKILL'),
    };
  });
  const coordinator: Coordinator = Object.assign(new LocalAgents(host), { start: async () => links });
  const told: number[] = [];
  const pool = new AgentPool(coordinator, plans, {
    sample: () => undefined,
    lost: ({ agent }) => told.push(agent),
  });
  return { pool, says, ends, told };
}

test('an agent that is lost while all say goodbye is lost for the reason that it had, and the other is not', async () => {
  const { pool, says, ends, told } = twoAgents();
  await pool.prepare();
  const finished = pool.finish();
  says[0]?.({ kind: 'final', totals: {} as LedgerTotals });
  ends[1]?.('host b was not heard for 4.0 s');
  await finished;
  expect(pool.losses).toMatchObject([{ agent: 1, why: 'ended (host b was not heard for 4.0 s)' }]);
  expect(told).toEqual([]);
});
