import { describe, expect, it } from 'vitest';
import type { RecordedHost, RunRecord } from '../../../record/run.js';
import {
  agentSentences,
  clockSentence,
  clockWords,
  lossSentences,
} from '../../../reports/agents/agent-words.js';
import { slowestSentence } from '../../../reports/agents/slowest-agent.js';
import { firstBreakOf } from '../../../reports/first-break/first-break.js';
import { breakWords } from '../../../reports/first-break/sentences.js';
import { htmlReport } from '../../../reports/html/page.js';
import { markdownSummary } from '../../../reports/markdown.js';
import { explainVerdict } from '../../../reports/statement.js';
import { terminalSummary } from '../../../reports/terminal.js';
import { agentOf, hostOf, manyAgents, twoHosts, withHosts } from '../../fixtures/agents.js';
import { recordFixture } from '../../fixtures/record.js';
import { reportedRun } from '../../fixtures/reported-run.js';

/** The limit is 50 ms. */
function recordOn(hosts: RecordedHost[], change: (record: RunRecord) => void = () => undefined): RunRecord {
  return recordFixture((record) => change(withHosts(record, hosts))).record;
}

describe('which agent was the slowest', () => {
  const slow = { lagP99Ms: 80, late: 90, cpuCores: { mean: 0.97, peak: 1.02 } };

  it('did not matter below the limit', () => {
    expect(slowestSentence(recordOn(twoHosts()))).toBe(
      'agent 3 on b was the slowest: lag p99 12 ms (others 1.1 ms at most); it did not matter: the limit is 50 ms',
    );
  });

  it('mattered to its own messages where the others made up for it, and says whether its CPU was full', () => {
    expect(slowestSentence(recordOn([hostOf('a', [agentOf(0), agentOf(1, slow)])]))).toBe(
      'agent 1 on a was the slowest: lag p99 80 ms (others 1.1 ms at most); it mattered to its own messages: 1.8 % of them ' +
        'left past the limit of 50 ms, which is 0.9 % of all; its CPU was at its ceiling, 0.97 cores of the one that an agent has',
    );
    const full = hostOf('a', [agentOf(0), agentOf(1, { ...slow, cpuCores: { mean: 0.5, peak: 0.6 } })]);
    expect(slowestSentence(recordOn([full]))).toContain('its CPU was not at its ceiling: 0.5 cores in use');
    full.environment.cores = 1;
    full.agents[0] = agentOf(0, { cpuCores: { mean: 0.45, peak: 0.6 } });
    expect(slowestSentence(recordOn([full]))).toContain('the agents on a had 0.95 of its 1 core in use');
  });

  it('mattered to the run where all together are past the limit, and how much of that was its own', () => {
    const record = recordOn([hostOf('a', [agentOf(0, { late: 10 }), agentOf(1, slow)])], ({ generator }) => {
      generator.lagMs.p99 = 55;
    });
    expect(slowestSentence(record)).toContain(
      'it mattered: 90 % of the messages that left past the limit of 50 ms were its own',
    );
  });

  it('mattered where a gate is undecided for it', () => {
    const record = recordOn(twoHosts(), ({ gates }) => {
      gates[2] = { expression: 'latency.accepted.p99 < 3ms', value: 4, passed: false, isUndecided: true };
    });
    expect(slowestSentence(record)).toContain(
      'it mattered: for the lag of the generator, latency.accepted.p99 < 3ms',
    );
  });

  it('is nothing to ask of one agent, or where nobody sent anything', () => {
    expect(slowestSentence(recordOn([hostOf('a', [agentOf(0)])]))).toBeUndefined();
    const silent = [agentOf(0, { lagP99Ms: null }), agentOf(1, { lagP99Ms: null })];
    expect(slowestSentence(recordOn([hostOf('a', silent)]))).toBeUndefined();
    expect(slowestSentence(recordFixture().record)).toBeUndefined();
  });
});

describe('a run over several machines', () => {
  const lossy = recordOn(twoHosts(), (record) => {
    record.verdict = 'invalid';
    record.generator.valid = false;
    record.generator.faults = ['agent 4 on b was lost at 12.4 s: ended (SIGKILL)'];
  });

  it('is told in the terminal: where its agents were, which was the slowest, who was lost, what is unknown', () => {
    const summary = terminalSummary(reportedRun(lossy), 'runs/x', false);
    expect(summary).toContain('6 agents on 2 hosts, 6,000 clients: b 3 with 3,000, a 3 with 3,000');
    expect(summary).toContain('agent 3 on b was the slowest');
    expect(summary).toContain(
      'agent 4 on b was lost at 12.4 s: ended (SIGKILL); what became of 1,000 clients is not known',
    );
    expect(summary).toContain('0 lost, 40 unknown, 0 duplicated');
    expect(summary).toContain('kernel (the server’s ends)');
  });

  it('says why it is invalid, and does not ask for more agents', () => {
    expect(explainVerdict(lossy)).toMatch(
      /^A part of the load generator was lost: agent 4 on b was lost at 12\.4 s: ended \(SIGKILL\)\..*agents\.lost: tolerate/,
    );
    const late = { ...lossy, generator: { ...lossy.generator, faults: ['messages left 80 ms late (p99)'] } };
    expect(explainVerdict(late)).toContain('Use more agents or machines');
  });

  it('does not advise to go on with what remains where nothing does', () => {
    const why = 'ended (SIGKILL)';
    const lost = agentOf(0, { lost: { atSeconds: 12.4, why } });
    const record = recordOn([hostOf('a', [lost])], (changed) => {
      changed.verdict = 'invalid';
      changed.generator.valid = false;
      changed.generator.faults = [`agent 0 on a was lost at 12.4 s: ${why}`];
    });
    expect(explainVerdict(record)).toMatch(/Mend what ended it\.$/);
  });

  it('has a row for each host in summary.md, with as many cells as its head', () => {
    const summary = markdownSummary(reportedRun(lossy));
    const rows = summary.split('\n').filter((line) => /^\| (Host|a|b) \|/.test(line));
    expect(rows).toHaveLength(3);
    expect(new Set(rows.map((row) => row.split('|').length))).toEqual(new Set([10]));
    expect(rows[1]).toContain('**1 of 3 lost**');
    expect(summary).toContain('- ❌ agent 4 on b was lost at 12.4 s');
  });

  it('of hundreds of agents stays a page', async () => {
    const many = recordOn(manyAgents());
    const run = reportedRun(many);
    expect(agentSentences(many, 4)[0]).toMatch(
      /^300 agents on 20 hosts, 300,000 clients: host-07 15 with 15,000, host-12 .* and 16 more, in the report$/,
    );
    expect(markdownSummary(run).split('\n').length).toBeLessThan(90);
    expect(terminalSummary(run, 'runs/x', false).split('\n').length).toBeLessThan(45);
    const grown =
      (await htmlReport(run)).length - (await htmlReport(reportedRun(recordFixture().record))).length;
    expect(grown).toBeLessThan(500_000);
  });

  it('that was lost at one time and another is told so often, and no more', () => {
    const agents = Array.from({ length: 9 }, (_, index) =>
      agentOf(index, { lost: { atSeconds: 10 * index, why: `reason ${index}` } }),
    );
    const told = lossSentences(recordOn([hostOf('a', agents)]), 3);
    expect(told).toHaveLength(4);
    expect(told.at(-1)).toBe('and 6 more agents after that');
  });

  it('names a loss as what gave way, in its second', () => {
    const { samples } = recordFixture();
    const calm = samples.map((sample) => ({
      ...sample,
      connections: { ...sample.connections, failed: 0, dropped: 0 },
    }));
    const words = breakWords(lossy, firstBreakOf(lossy, calm));
    expect(words.headline).toBe(
      'First to give way: a part of the load generator at 12.4 s, in the phase talk: agent 4 on b was lost at 12.4 s: ended (SIGKILL).',
    );
    // Their CPU is not that of the host that is told of.
    expect(words.details.join(' ')).toMatch(
      /CPU then: server [\d.]+, the coordinator’s whole host [\d.]+ of 2 cores; agents [\d.]+, on their own machines\./,
    );
  });

  it('says how well the clocks are known, and that no latency hangs on them', () => {
    const [a] = twoHosts();
    expect(clockWords(a as RecordedHost)).toBe('+812 s ±210 µs, moved 20 µs');
    expect(clockWords(hostOf('c', [], { clock: { offsetMs: -3.4, uncertaintyMs: 1, driftMs: null } }))).toBe(
      '−3.4 ms ±1 ms',
    );
    expect(clockSentence(lossy)).toContain('±230 µs or better. Every latency begins and ends on one clock');
    expect(clockSentence(recordOn([hostOf('a', [agentOf(0), agentOf(1)], { clock: null })]))).toBeUndefined();
  });

  it('with hosts named by whoever lent them runs nothing and breaks no table', async () => {
    const evil = recordOn([
      hostOf('<script>alert(1)</script>|x', [agentOf(0, { lost: { atSeconds: 1, why: '<img src=x>|`' } })]),
      hostOf('b', [agentOf(1)]),
    ]);
    const html = await htmlReport(reportedRun(evil));
    expect(html).not.toContain('<script>alert(1)');
    expect(html).not.toContain('<img src=x>');
    const rows = markdownSummary(reportedRun(evil))
      .split('\n')
      .filter((line) => line.includes('alert(1)') && line.startsWith('|'));
    expect(rows.map((row) => row.split(/(?<!\\)\|/).length)).toEqual([10]);
  });
});

it('a run in one process of this machine is told as ever', async () => {
  const before = recordFixture().record;
  const one = recordFixture((record) => {
    const agent = agentOf(0, { clients: record.connections.target });
    record.hosts = [hostOf('here', [agent], { clock: null })];
  }).record;
  const [was, is] = [reportedRun(before), reportedRun(one)];
  expect(terminalSummary(is, 'runs/x', false)).toBe(terminalSummary(was, 'runs/x', false));
  expect(markdownSummary(is)).toBe(markdownSummary(was));
  expect(await htmlReport(is)).toBe(await htmlReport(was));
});
