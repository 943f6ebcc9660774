import hdr, { type Histogram } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { compareSets, type SetComparison } from '../../record/comparison/compare-sets.js';
import { interleavedOrder, type Side } from '../../record/comparison/interleaving.js';
import type { LatencyKind, RunRecord } from '../../record/run.js';
import { comparisonJunit } from '../../reports/comparison-junit.js';
import { comparisonAsMarkdown, comparisonForTerminal, conclusion } from '../../reports/comparison-text.js';
import { comparisonPage } from '../../reports/html/comparison-page.js';
import { agentOf, hostOf, twoHosts } from '../fixtures/agents.js';
import { recordFixture, silentFixture } from '../fixtures/record.js';
import { TELLS_ALL } from '../fixtures/told.js';

type Change = (record: RunRecord) => void;

/** Of a latency of which nothing was recorded. */
const NOTHING = { count: 0, min: null, p50: null, p90: null, p99: null, p999: null, max: null };

/** Runs of both sides, interleaved, whose latencies and rates differ by a few percent as those of one code do. */
function runs(count: number, ofCurrent: Change = () => undefined): Record<Side, RunRecord[]> {
  const made: Record<Side, RunRecord[]> = { base: [], current: [] };
  interleavedOrder(count).forEach((side, index) => {
    const noise = 1 + 0.03 * Math.sin(index * 2.3);
    const { record } = recordFixture((each) => {
      each.startedAt = new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString();
      for (const latency of Object.values(each.latency)) {
        if (latency.count === 0) continue;
        for (const key of ['p50', 'p90', 'p99', 'p999', 'max'] as const)
          latency[key] = (latency[key] as number) * 10 * noise;
      }
      each.connections.connectsPerSecond /= noise;
      const cores = { mean: 0.5, peak: 1 };
      each.cpu = {
        serverUsPerMessage: 100 * noise,
        generatorUsPerMessage: 30 * noise,
        serverCores: cores,
        generatorCores: cores,
      };
      if (side === 'current') ofCurrent(each);
    });
    made[side].push(record);
  });
  return made;
}

function compare(count: number, ofCurrent?: Change): SetComparison {
  const { base, current } = runs(count, ofCurrent);
  return compareSets({ name: 'before', runs: base }, { name: 'after', runs: current });
}

const slower =
  (factor: number): Change =>
  ({ latency, connections }) => {
    for (const kind of ['connect', 'accepted', 'delivered', 'receipt'] as const)
      for (const key of ['p50', 'p99'] as const) latency[kind][key] = (latency[kind][key] as number) * factor;
    connections.connectsPerSecond /= factor;
  };

function wordsOf({ rows }: SetComparison, path: string): string | null | undefined {
  return rows.find(({ figure }) => figure.path === path)?.verdict;
}

describe('comparing two sets of runs', () => {
  it('calls nothing worse between runs of the same', () => {
    const comparison = compare(5);
    expect(comparison.outcome).not.toBe('worse');
    expect(comparison.faults).toEqual([]);
    expect(comparison.isInterleaved).toBe(true);
    expect(comparison.rows.length).toBeGreaterThan(20);
  });

  it('finds a server that is 20 % slower', () => {
    const comparison = compare(5, slower(1.2));
    expect(comparison.outcome).toBe('worse');
    expect(wordsOf(comparison, 'latency.delivered.p99')).toBe('worse');
    expect(conclusion(comparison)).toMatch(/^Worse in \d+ figures: /);
  });

  it('calls one that is faster better, and not worse', () => {
    const comparison = compare(5, slower(0.8));
    expect(comparison.outcome).toBe('not worse');
    expect(wordsOf(comparison, 'latency.delivered.p99')).toBe('better');
  });

  it('says of one run with one what it cannot tell', () => {
    const comparison = compare(1, slower(1.3));
    expect(comparison.outcome).toBe('undecided');
    expect(wordsOf(comparison, 'latency.delivered.p99')).toBe('inconclusive');
    expect(comparison.warnings[0]).toContain('nobody can tell from it');
    expect(conclusion(comparison)).toContain('these runs cannot tell');
  });

  it('says so where one set was run behind the other', () => {
    const { base, current } = runs(4);
    current.forEach((record, index) => {
      record.startedAt = new Date(Date.UTC(2026, 1, 1, 0, index)).toISOString();
    });
    const comparison = compareSets({ name: 'before', runs: base }, { name: 'after', runs: current });
    expect(comparison.isInterleaved).toBe(false);
    expect(comparison.warnings.join()).toContain('not interleaved');
  });

  it('needs no statistics for a message that is lost, duplicated, corrupted or out of order', () => {
    for (const name of ['lost', 'duplicated', 'corrupted', 'outOfOrder'] as const) {
      const comparison = compare(1, ({ messages }) => {
        messages[name] = 1;
      });
      expect(comparison.outcome).toBe('worse');
      expect(wordsOf(comparison, `messages.${name}`)).toBe('worse');
    }
  });
});

describe('what is no comparison, or did not pass, never passes:', () => {
  it.each<[string, Change, RegExp]>([
    [
      'a run that failed',
      (record) => {
        record.verdict = 'failed';
      },
      /^2 of the 2 current runs: failed$/,
    ],
    [
      'a run that proves nothing',
      (record) => {
        record.verdict = 'invalid';
      },
      /current runs: invalid/,
    ],
    [
      'a run that was cut short',
      (record) => {
        record.verdict = 'partial';
      },
      /current runs: partial/,
    ],
    [
      'another workload',
      (record) => {
        record.scenario.resolved = {
          ...record.scenario.resolved,
          clients: { count: 9000, connectRate: 2100 },
        };
      },
      /^another workload: clients.count is \d+, 9000$/,
    ],
    [
      'a rate that was changed by hand',
      (record) => {
        record.rateChanges = [{ atSeconds: 12, phase: 'talk', perSecond: 5000, by: 'ann@box' }];
      },
      /^another workload: the rate of messages was changed by hand in 2 of the 4 runs$/,
    ],
    [
      'another protocol',
      (record) => {
        record.target.addresses = ['ws://127.0.0.1:40123'];
      },
      /^another protocol: tcp and ws$/,
    ],
    [
      'a figure that is missing',
      (record) => {
        record.latency.receipt = { ...NOTHING };
      },
      /^receipt p50 is missing in 2 of the 2 current runs$/,
    ],
    [
      'half of the acceptance',
      (record) => {
        record.messages.accepted = (record.messages.accepted ?? 0) / 2;
      },
      /^50 % of the messages sent were accepted, and 100 % in the base$/,
    ],
    [
      'messages that were never sent',
      (record) => {
        record.messages.unsent = (record.messages.due ?? 0) / 10;
      },
      /^10 % of the messages due were never sent, and 0 % in the base$/,
    ],
  ])('%s', (_, change, fault) => {
    const comparison = compare(2, change);
    expect(comparison.outcome).toBe('worse');
    expect(comparison.faults.some((words) => fault.test(words))).toBe(true);
  });

  it('and a figure that one run of many did not measure is not judged, and told', () => {
    let runsSeen = 0;
    const comparison = compare(5, ({ memory }) => {
      runsSeen += 1;
      if (runsSeen === 1) memory.bytesPerConnection.server = null;
    });
    expect(comparison.faults).toEqual([]);
    expect(comparison.warnings.join()).toContain(
      'server bytes a connection is missing in 1 of the 5 current runs',
    );
  });

  it('and what is meant to differ may', () => {
    const { base, current } = runs(2, ({ scenario }) => {
      scenario.resolved = { ...scenario.resolved, clients: { count: 9000, connectRate: 2100 } };
    });
    const comparison = compareSets(
      { name: 'a', runs: base },
      { name: 'b', runs: current },
      { differing: ['clients'] },
    );
    expect(comparison.faults).toEqual([]);
    expect(comparison.warnings).toContain('meant to differ: clients');
  });

  it('memory that others of the host kept from being told is a warning, and memory that is gone is a fault', () => {
    const without = (opened: number): Change => {
      return ({ memory }) => {
        memory.bytesPerConnection.kernel = null;
        memory.sockets = { expected: 1000, opened };
      };
    };
    expect(compare(5, without(1000)).faults).toEqual([
      'kernel bytes a connection is missing in 5 of the 5 current runs',
    ]);
    const disturbed = compare(5, without(700));
    expect(disturbed.faults).toEqual([]);
    expect(disturbed.warnings.join()).toContain('kernel bytes a connection is missing in 5 of the 5');
  });

  it('what the protocol of one side cannot tell is compared for none, and said', () => {
    const comparison = compare(3, (record) => {
      const promises = {
        ...TELLS_ALL,
        accepted: false,
        storesForAway: false,
        delivery: 'at-most-once',
      } as const;
      record.target.driver = { name: 'mqtt', promises };
      record.messages.accepted = null;
      record.messages.acceptedNotDelivered = null;
      record.messages.impliedAccepted = null;
      record.latency.accepted = { ...NOTHING };
    });
    expect(comparison.faults).toEqual([]);
    expect(comparison.rows.map(({ figure }) => figure.path)).not.toContain('latency.accepted.p99');
    expect(comparison.warnings.join()).toMatch(
      /not compared, as the protocol of some runs cannot tell: .*accepted p99/,
    );
  });

  it('a server that does the same with more CPU is worse, though nobody waits for it', () => {
    const comparison = compare(10, ({ cpu }) => {
      if (cpu) cpu.serverUsPerMessage = 1.2 * (cpu.serverUsPerMessage as number);
    });
    expect(wordsOf(comparison, 'cpu.serverUsPerMessage')).toBe('worse');
  });

  it('another machine is told as a warning', () => {
    const comparison = compare(2, ({ environment }) => {
      environment.cores = 16;
    });
    expect(comparison.faults).toEqual([]);
    expect(comparison.warnings).toContain('different cores: 2, 16');
  });
});

describe('runs over other machines', () => {
  it('are comparable, whatever number of them there was, and the machines are listed', () => {
    const { base, current } = runs(2, (record) => {
      record.hosts = twoHosts();
      record.generator.agents = 6;
    });
    const resolve = (record: RunRecord, hosts: number, agents: number | 'auto'): void => {
      Object.assign(record.scenario.resolved, { agents: { hosts }, generator: { agents, drainMs: 5000 } });
    };
    for (const record of base) resolve(record, 1, 'auto');
    for (const record of current) resolve(record, 2, 6);
    const comparison = compareSets({ name: 'before', runs: base }, { name: 'after', runs: current });
    expect(comparison.faults).toEqual([]);
    expect(comparison.warnings).toContain('different agents: 2, 6');
    expect(comparison.warnings).toContain(
      'different hosts of the agents: the machine of the coordinator, 2 (AMD EPYC 7B13, 8 cores, 32 GiB, Linux 6.8.0, v22.12.0)',
    );
  });

  it('of a pool are the same machines, though each has another name', () => {
    const { base, current } = runs(2);
    for (const [index, record] of [...base, ...current].entries())
      record.hosts = [hostOf(`agent-${index}`, [agentOf(0)]), hostOf(`agent-${index + 9}`, [agentOf(1)])];
    const comparison = compareSets({ name: 'before', runs: base }, { name: 'after', runs: current });
    expect(comparison.warnings.join()).not.toContain('hosts of the agents');
  });
});

describe('the comparison', () => {
  const worse = compare(5, slower(1.5));

  it('is told in the terminal and in Markdown with the same conclusion', () => {
    const words = conclusion(worse);
    expect(comparisonForTerminal(worse, false)).toContain(`✘ ${words}`);
    expect(comparisonAsMarkdown(worse)).toContain(`## ❌ ${words}`);
    expect(comparisonForTerminal(worse, false)).toMatch(/delivered p99 .*\+\d+(\.\d)? % .*worse\n/);
  });

  it('fails in JUnit for each figure that is worse', () => {
    const xml = comparisonJunit(worse);
    expect(xml).toMatch(/<testcase [^>]*name="delivered p99"[^>]*>\s*<failure /);
    expect(xml).not.toContain('<testsuites name="c2m" skipped');
  });

  it('has a mark for every run on its page, and a curve for every latency', () => {
    const histograms: Partial<Record<LatencyKind, Histogram>> = {};
    for (const kind of ['connect', 'accepted', 'delivered', 'receipt'] as const) {
      const histogram = hdr.build({ numberOfSignificantValueDigits: 3 });
      for (let value = 100; value < 10_000; value += 100) histogram.recordValue(value);
      histograms[kind] = histogram;
    }
    const page = comparisonPage(worse, { base: histograms, current: histograms });
    const strip = /delivered p99<\/th><td[^>]*>(<svg.*?<\/svg>)/.exec(page)?.[1] ?? '';
    expect(strip.match(/<circle/g)).toHaveLength(10);
    expect(page.match(/class="curve"/g)?.length).toBeGreaterThanOrEqual(4);
    expect(page).not.toMatch(/<script|https?:/);
  });

  it('of silent runs shows no curve, and says why', () => {
    const { record } = silentFixture();
    const set = { name: 'silent', runs: [record, record] };
    expect(comparisonPage(compareSets(set, set), { base: {}, current: {} })).toContain('hold no latencies');
  });
});
