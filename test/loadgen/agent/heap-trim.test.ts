import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { trimHeap } from '../../../loadgen/agent/heap-trim.js';
import type { AgentPlan } from '../../../loadgen/agent-messages.js';
import { ForkedAgent, thisHost } from '../../../loadgen/coordination/local-agents.js';
import { planAgents } from '../../../loadgen/plan.js';
import { testFolder } from '../../support/folder.js';
import { planHost } from '../../support/hosts.js';
import { testScenario } from '../../support/run.js';

test('what the logins of a thousand clients left behind is thrown away; of fewer it is not worth the pause', () => {
  const collect = vi.fn();
  vi.stubGlobal('gc', collect);
  try {
    trimHeap(999);
    expect(collect).not.toHaveBeenCalled();
    trimHeap(1000);
    expect(collect).toHaveBeenCalledTimes(2);
  } finally {
    vi.unstubAllGlobals();
  }
});

test('the process of an agent has a collector that can be asked, and a young generation that stays small', async () => {
  const [plan] = planAgents(testScenario(), {
    endpoints: [{ protocol: 'tcp', host: '127.0.0.1', port: 1 }],
    hosts: [planHost({ cores: 1 })],
    driver: { name: 'c2m', settings: { credentials: null } },
    run: 1,
  });
  const script = join(testFolder(), 'agent.mjs');
  writeFileSync(
    script,
    `process.on('disconnect', () => process.exit());
process.send({ kind: 'error', message: [typeof globalThis.gc, ...process.execArgv].join(' ') });`,
  );
  const agent = new ForkedAgent(thisHost('1.0.0'), plan as AgentPlan, { script });
  const says = await new Promise((resolve) => agent.onMessage(resolve));
  agent.kill();
  expect(says).toEqual({
    kind: 'error',
    message: expect.stringMatching(/^function .*--max-semi-space-size=4/),
  });
});
