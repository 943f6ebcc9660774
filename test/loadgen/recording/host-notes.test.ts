import { describe, expect, test } from 'vitest';
import { clockNotes, remainingNotes } from '../../../loadgen/recording/host-notes.js';
import { agentOf, hostOf } from '../../fixtures/agents.js';
import { testScenario } from '../../support/run.js';

const scenario = testScenario((each) => {
  each.clients.count = 4000;
});
const PHASES = [
  { name: 'connect', startSeconds: 0 },
  { name: 'talk', startSeconds: 3 },
  { name: 'drain', startSeconds: 20 },
];

describe('what remained after a loss', () => {
  test('is told of each: clients, the share of every rate, and the rate of the phase', () => {
    const lost = (atSeconds: number) => ({ lost: { atSeconds, why: 'cut off' } });
    const hosts = [
      hostOf('a', [agentOf(0), agentOf(1, lost(12.4))]),
      hostOf('b', [agentOf(2, lost(15)), agentOf(3)]),
    ];
    expect(remainingNotes(hosts, scenario, PHASES)).toEqual([
      'agent 1 on a was lost at 12.4 s: cut off; 3000 of 4000 clients remained, and with them 75 % of every rate (150 of 200 messages/s in the phase talk)',
      'agent 2 on b was lost at 15.0 s: cut off; 2000 of 4000 clients remained, and with them 50 % of every rate (100 of 200 messages/s in the phase talk)',
    ]);
  });

  test('goes by the rate that somebody set by hand, once it is set', () => {
    const hosts = [hostOf('a', [agentOf(0), agentOf(1, { lost: { atSeconds: 9, why: 'cut off' } })])];
    const change = { phase: 'talk', perSecond: 4000, by: 'c2m rate' };
    const [after] = remainingNotes(hosts, scenario, PHASES, [{ ...change, atSeconds: 8 }]);
    expect(after).toContain('(3000 of 4000 messages/s in the phase talk)');
    const [before] = remainingNotes(hosts, scenario, PHASES, [{ ...change, atSeconds: 10 }]);
    expect(before).toContain('(150 of 200 messages/s in the phase talk)');
  });

  test('is nothing to tell of a run that lost nobody', () => {
    expect(remainingNotes([hostOf('a', [agentOf(0)])], scenario, PHASES)).toEqual([]);
  });
});

describe('a clock', () => {
  const of = (name: string, uncertaintyMs: number, driftMs: number | null) =>
    hostOf(name, [agentOf(0)], { clock: { offsetMs: 5, uncertaintyMs, driftMs } });

  test('that is known well enough needs no words, and the same clock none either', () => {
    expect(clockNotes([of('a', 0.4, 0.1), hostOf('b', [agentOf(1)], { clock: null })])).toEqual([]);
  });

  test('that is known badly, or that moved, is told with what hangs on it and what does not', () => {
    expect(clockNotes([of('a', 0.4, 0.1), of('b', 20, -100)])).toEqual([
      'the clock of b is known to ±120 ms: the seconds of the timeline, and when phases and actions began there, may be off ' +
        'by as much; no latency is, as each begins and ends on one clock',
    ]);
    expect(clockNotes([of('a', 60, null), of('b', 80, null)])[0]).toMatch(
      /^the clocks of b and 1 more are known to ±80 ms at worst:/,
    );
  });
});
