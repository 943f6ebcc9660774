import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { htmlReport } from '../../../reports/html/page.js';
import { readLatencyLog } from '../../../reports/latency-log.js';
import { LatencyFollower } from '../../../reports/live/latency-follower.js';
import { LiveReport } from '../../../reports/live/live-report.js';
import { LiveSamples } from '../../../reports/live/live-samples.js';
import { writeRecord } from '../../../reports/write.js';
import { recordFixture, writeRecordFolder } from '../../fixtures/record.js';
import { steadyRun } from '../../fixtures/steady-run.js';
import { testFolder } from '../../support/folder.js';

const plan = {
  folder: 'runs/20260314-092653-offline-backlog',
  scenario: 'offline-backlog',
  description: 'They go and return.',
  clients: 5000,
  phases: [
    { name: 'talk', seconds: 12 },
    { name: 'third-away', seconds: 8 },
  ],
  words: 'run 2 of 5',
};

describe('the page of a run', () => {
  test('says that it starts until somebody has logged in', () => {
    const report = new LiveReport(plan);
    expect(report.frame(0)).toMatchObject({ title: 'Starting: offline-backlog', data: { charts: [] } });
    report.phase({ name: 'connect', durationMs: null }, 0);
    expect(report.frame(0).parts['live-phase']).toBe(
      'offline-backlog, run 2 of 5: phase <strong>connect</strong>',
    );
  });

  test('tells its phase and what is left of it, its last second, its agents and its alerts', () => {
    const { record, samples } = recordFixture();
    const report = new LiveReport(plan);
    report.agents({ agents: 3, hosts: 2, lost: [{ agent: 2, host: '<b>', why: 'it was killed' }] });
    report.phase({ name: 'talk', durationMs: 12_000 }, 0);
    report.phase({ name: 'third-away', durationMs: 8000 }, 1000);
    for (const sample of samples.slice(0, 21)) report.sample(sample);
    report.record({ ...record, verdict: 'partial', durationSeconds: 21 });
    const { title, parts } = report.frame(4500);
    expect(title).toMatch(/^Running: offline-backlog, /);
    expect(parts['live-progress']).toContain('<li aria-current="step">third-away <span>5 s left</span>');
    expect(parts['live-progress']).toContain('<li class="done">talk');
    expect(parts['live-progress']).toContain('<dt>Agents</dt><dd>2 of 3 on 2 hosts</dd>');
    expect(parts['live-progress']).toContain('<dt>Open</dt><dd>3,337 of 5,000</dd>');
    expect(parts['live-alerts']).toContain('agent 2 on &lt;b&gt; is lost: it was killed.');
    expect(parts['live-alerts']).toContain('mailboxes stood above 2,000');
    expect(parts.verdict).toContain('<strong>Running</strong>');
    expect(parts.verdict).toContain('so far');
    expect(parts['chart-connections']).toContain('id="chart-connections"');
  });

  test('ends as the report: every piece of it is in report.html', async () => {
    const fixture = recordFixture();
    const folder = await writeRecordFolder(fixture);
    const { run } = await writeRecord(folder, fixture.record);
    const report = new LiveReport({ ...plan, folder });
    report.finished(run);
    const { parts, data } = report.frame(0);
    const html = await htmlReport(run);
    for (const [name, part] of Object.entries(parts)) {
      if (!name.startsWith('live-')) expect(html, name).toContain(part);
    }
    expect(data.charts.map(({ id }) => id)).toContain('queues');
    expect(parts['live-phase']).toContain('over');
  });

  test('that ended before anything was measured says so', () => {
    const report = new LiveReport(plan);
    report.phase({ name: 'connect', durationMs: null }, 0);
    report.finished(undefined);
    expect(report.frame(0).parts['live-progress']).toContain('<li class="left-out">talk');
    expect(report.frame(0).parts.verdict).toContain('The run ended before anything was measured');
  });
});

describe('the latencies of a run that goes on', () => {
  test('are those of its log, read as it grows, a line in two pieces as well', async () => {
    const { latencyLog } = recordFixture();
    const folder = join(testFolder(), 'run');
    const follower = new LatencyFollower(folder);
    await follower.read();
    expect(follower.histograms).toEqual({});
    await mkdir(folder);
    const file = join(folder, 'latency.hlog');
    const cut = Math.floor(latencyLog.length / 3);
    await writeFile(file, latencyLog.slice(0, cut));
    await Promise.all([follower.read(), follower.read()]);
    await appendFile(file, latencyLog.slice(cut));
    await follower.read();
    const all = await readLatencyLog(folder);
    expect(Object.keys(follower.histograms)).toEqual(Object.keys(all));
    expect(follower.histograms.delivered?.totalCount).toBe(all.delivered?.totalCount);
    expect(follower.histograms.delivered?.getValueAtPercentile(99)).toBe(
      all.delivered?.getValueAtPercentile(99),
    );
  });
});

describe('the timeline of a run that goes on', () => {
  test('is bounded: what is longer ago becomes coarser, and no count is lost', () => {
    const { samples } = steadyRun([{ name: 'talk', seconds: 20_000, rate: 500 }]);
    const kept = new LiveSamples();
    for (const sample of samples) kept.add(sample);
    const { all } = kept;
    expect(all.length).toBeLessThanOrEqual(3600);
    expect(all.slice(-1200)).toEqual(samples.slice(-1200));
    const sent = (of: typeof all): number => of.reduce((sum, { messages }) => sum + messages.sent, 0);
    expect(sent(all)).toBe(sent(samples));
    const length = all.reduce((sum, { seconds }) => sum + seconds, 0);
    expect(length).toBeCloseTo(
      samples.reduce((sum, { seconds }) => sum + seconds, 0),
      3,
    );
    expect(all.at(-1)?.t).toBe(samples.at(-1)?.t);
  });

  test('takes the worse of two seconds where no sum says anything', () => {
    const { samples } = steadyRun(undefined, (sample, second) => {
      if (second === 10 && sample.latency.delivered) sample.latency.delivered.p99 = 900;
      if (second === 10 && sample.server) sample.server.queues.mailboxes = 77;
    });
    const kept = new LiveSamples();
    for (let round = 0; round < 300; round += 1) for (const sample of samples) kept.add(sample);
    expect(kept.all[5]?.latency.delivered?.p99 ?? 0).toBeGreaterThan(0);
    expect(Math.max(...kept.all.slice(0, 600).map(({ latency }) => latency.delivered?.p99 ?? 0))).toBe(900);
    expect(Math.max(...kept.all.slice(0, 600).map(({ server }) => server?.queues.mailboxes ?? 0))).toBe(77);
  });
});
