import { expect, test } from 'vitest';
import type { AgentPlan } from '../../../loadgen/agent-messages.js';
import type { AgentHost } from '../../../loadgen/coordination/coordinator.js';
import { connectionEnds } from '../../../loadgen/recording/connection-ends.js';

const HERE = { clock: null } as AgentHost;
const ELSEWHERE = { clock: { offsetMs: 3, uncertaintyMs: 1 } } as AgentHost;

/** Agents with so many clients each, on these hosts. */
function poolOn(hosts: AgentHost[], transport: AgentPlan['transport'] = 'sockets', count = 1000) {
  const plans = hosts.map(() => ({ count, transport }) as AgentPlan);
  return { plans, hostOf: (agent: number) => hosts[agent] };
}

test('with all clients here, a connection has the sockets that its target says', () => {
  expect(connectionEnds(poolOn([HERE, HERE]), 2)).toEqual({ sockets: 2, fewest: 1, isWhole: true });
  expect(connectionEnds(poolOn([HERE], 'packets'), 1)).toEqual({ sockets: 1, fewest: 1, isWhole: true });
  expect(connectionEnds(poolOn([HERE]), null)).toEqual({ sockets: null, fewest: 1, isWhole: true });
});

test('with clients elsewhere, the end of the server is here and theirs are not', () => {
  expect(connectionEnds(poolOn([ELSEWHERE, ELSEWHERE]), 2)).toEqual({
    sockets: null,
    fewest: 1,
    isWhole: false,
  });
  expect(connectionEnds(poolOn([ELSEWHERE], 'packets'), 1)).toEqual({ sockets: 1, fewest: 1, isWhole: true });
  expect(connectionEnds(poolOn([HERE, ELSEWHERE, ELSEWHERE, ELSEWHERE]), 2)).toEqual({
    sockets: 1.25,
    fewest: 1,
    isWhole: false,
  });
});

test('with server and clients elsewhere, there may be neither', () => {
  expect(connectionEnds(poolOn([ELSEWHERE]), null)).toEqual({ sockets: null, fewest: 0, isWhole: false });
  expect(connectionEnds(poolOn([HERE, ELSEWHERE]), null)).toEqual({
    sockets: null,
    fewest: 1,
    isWhole: false,
  });
});
