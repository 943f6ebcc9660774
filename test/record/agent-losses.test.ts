import { describe, expect, test } from 'vitest';
import { agentLosses, lossWords } from '../../record/agent-losses.js';
import { agentOf, hostOf, manyAgents, twoHosts } from '../fixtures/agents.js';

describe('agents that were lost', () => {
  test('are none in a run that kept them all', () => {
    expect(agentLosses([hostOf('a', [agentOf(0), agentOf(1)])])).toEqual([]);
  });

  test('are told with their host, their second and why', () => {
    expect(agentLosses(twoHosts()).map(lossWords)).toEqual([
      'agent 4 on b was lost at 12.4 s: ended (SIGKILL)',
    ]);
  });

  test('at once with their machine are told together', () => {
    expect(agentLosses(manyAgents()).map(lossWords)).toEqual([
      'agents 105 to 119 on host-07 were lost from 20.1 s to 20.2 s: not heard of for 4 s',
    ]);
    expect(agentLosses(manyAgents())[0]?.clients).toBe(15_000);
  });

  test('for another reason, on another host or much later are told apart, in the order in which they went', () => {
    const lost = (atSeconds: number, why = 'cut off') => ({ lost: { atSeconds, why } });
    const hosts = [
      hostOf('a', [agentOf(0, lost(9)), agentOf(1), agentOf(2, lost(1)), agentOf(3, lost(1.5))]),
      hostOf('b', [agentOf(4, lost(1.2)), agentOf(5, lost(1.2, 'ended (SIGKILL)'))]),
    ];
    expect(agentLosses(hosts).map(lossWords)).toEqual([
      'agents 2 and 3 on a were lost from 1.0 s to 1.5 s: cut off',
      'agent 4 on b was lost at 1.2 s: cut off',
      'agent 5 on b was lost at 1.2 s: ended (SIGKILL)',
      'agent 0 on a was lost at 9.0 s: cut off',
    ]);
  });

  test('of scattered numbers are not listed without end', () => {
    const agents = Array.from({ length: 20 }, (_, index) =>
      agentOf(2 * index, { lost: { atSeconds: 3, why: 'cut off' } }),
    );
    expect(agentLosses([hostOf('a', agents)]).map(lossWords)).toEqual([
      'agents 0, 2, 4, 6, 8 and 15 more on a were lost at 3.0 s: cut off',
    ]);
  });
});
