import { describe, expect, it } from 'vitest';
import { compareRecords } from '../../reports/compare.js';
import { comparisonAsMarkdown, comparisonForTerminal } from '../../reports/comparison-text.js';
import { recordFixture, silentFixture } from '../fixtures/record.js';

const base = recordFixture().record;

function changed(change: Parameters<typeof recordFixture>[0]) {
  return recordFixture(change).record;
}

function regressionsOf(...args: Parameters<typeof compareRecords>): string[] {
  return compareRecords(...args).regressions.map(({ path }) => path);
}

describe('comparing two runs', () => {
  it('finds no regression and warns of nothing between a run and itself', () => {
    const comparison = compareRecords(base, base);
    expect(comparison.regressions).toEqual([]);
    expect(comparison.warnings).toEqual([]);
    expect(comparison.rows.length).toBeGreaterThan(20);
  });

  it('shows each figure with its absolute and relative change', () => {
    const comparison = compareRecords(
      base,
      changed((record) => {
        record.memory.bytesPerConnection.total = 14_502 * 1.5;
      }),
    );
    expect(comparison.rows.find(({ path }) => path === 'memory.bytesPerConnection.total')).toMatchObject({
      unit: 'bytes',
      base: 14_502,
      current: 21_753,
      absoluteChange: 7251,
      relativeChange: 0.5,
      isRegression: true,
    });
  });

  it('knows which direction is the worse one', () => {
    const slower = changed((record) => {
      record.connections.connectsPerSecond *= 0.8;
      record.latency.receipt.p99 = (record.latency.receipt.p99 ?? 0) * 1.2;
    });
    expect(regressionsOf(base, slower)).toEqual(['connections.connectsPerSecond', 'latency.receipt.p99']);
    expect(regressionsOf(slower, base)).toEqual([]);
    expect(compareRecords(slower, base).rows.filter(({ isImprovement }) => isImprovement)).toHaveLength(2);
  });

  it('tolerates 10 % unless told otherwise', () => {
    const slightly = changed((record) => {
      record.connections.connectsPerSecond *= 0.92;
    });
    expect(regressionsOf(base, slightly)).toEqual([]);
    expect(regressionsOf(base, slightly, 0.05)).toEqual(['connections.connectsPerSecond']);
  });

  it('tolerates not one message lost, duplicated or out of order', () => {
    const wrong = changed((record) => {
      record.messages.lost = 1;
      record.messages.duplicated = 1;
      record.messages.outOfOrder = 1;
    });
    expect(regressionsOf(base, wrong, 0.5)).toEqual([
      'messages.lost',
      'messages.duplicated',
      'messages.outOfOrder',
    ]);
  });

  it('does not take a few hundred microseconds for a regression', () => {
    const noisy = changed((record) => {
      record.latency.accepted.p50 = (record.latency.accepted.p50 ?? 0) + 0.4;
    });
    expect(regressionsOf(base, noisy)).toEqual([]);
  });

  it('warns when machine, scenario or verdict differ', () => {
    const elsewhere = changed((record) => {
      record.environment.cores = 16;
      record.environment.limits.openFiles = 1024;
      record.environment.c2m = '0.2.0';
      record.scenario.resolved = { ...record.scenario.resolved, clients: { count: 9000, connectRate: 2100 } };
      record.verdict = 'invalid';
    });
    expect(compareRecords(base, elsewhere).warnings).toEqual([
      'the current run is invalid: its generator could not keep its schedule',
      'the scenarios ran with different values: clients.count',
      'the environments differ in cores: 2, now 16',
      'the environments differ in limits.openFiles: 20000, now 1024',
    ]);
  });

  it('warns of a figure that is not recorded any more', () => {
    const comparison = compareRecords(base, silentFixture().record);
    expect(comparison.warnings).toContain('delivered p99 was recorded in the base and is not any more');
    expect(comparison.regressions.map(({ path }) => path)).toContain('messages.delivered');
  });

  it('is told in the terminal and in Markdown with the same conclusion', () => {
    const comparison = compareRecords(
      base,
      changed((record) => {
        record.messages.lost = 3;
      }),
    );
    const words = '1 regression past 10 %: messages lost.';
    expect(comparisonForTerminal(comparison, false)).toContain(`✘ ${words}`);
    expect(comparisonForTerminal(comparison, false)).toMatch(/messages lost +0 +3 +\+3 +worse\n/);
    expect(comparisonAsMarkdown(comparison)).toContain(`## ❌ ${words}`);
    expect(comparisonAsMarkdown(comparison)).toContain('| messages lost | 0 | 3 | +3 |  | ❌ worse |');
    expect(comparisonForTerminal(compareRecords(base, base), false)).toContain('✔ No regression past 10 %.');
  });
});
