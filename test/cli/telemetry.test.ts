import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { readRecordSet } from '../../record/record-set.js';
import type { RunRecord } from '../../record/run.js';
import { testFolder } from '../support/folder.js';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.js';
import { familiesOf, linesOf } from '../telemetry/page-lines.js';
import { c2mHere, startC2m } from './c2m.js';
import { pageAddress, runsOnPage, SERIES_MS } from './metrics-page.js';

let receiver: OtlpReceiver | undefined;
afterEach(async () => {
  await receiver?.close();
  receiver = undefined;
  vi.unstubAllEnvs();
});

const SCENARIO = `name: tiny
target: { embedded: { store: memory } }
clients: { count: 40, connectRate: 100/s, connectTimeout: 30s }
messages: { arrival: constant }
phases: [{ name: talk, duration: 4s, rate: 100/s }]
actions: [{ at: 1s, do: cut, share: 10% }]
generator: { lagLimit: 1m }
gates:
  - messages.lost == 0
  - connections.peak >= 41
`;

function scenario(): { folder: string; file: string; out: string } {
  const folder = testFolder();
  const file = join(folder, 'tiny.yaml');
  writeFileSync(file, SCENARIO);
  return { folder, file, out: join(folder, 'record') };
}

/** Of the trace of a record, by the id that both have. */
function attributesOf({ id }: RunRecord): Record<string, unknown> | undefined {
  const traceId = id.replaceAll('-', '');
  const root = receiver?.spans().find((span) => span.traceId === traceId && span.parentId === '');
  return root?.attributes;
}

const recordIn = (out: string): RunRecord => JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'));

test('a run tells Prometheus, a receiver of OTLP, GitHub and GitLab, and each of them what its record says', async () => {
  const { folder, file, out } = scenario();
  receiver = await startOtlpReceiver();
  const summary = join(folder, 'summary');
  vi.stubEnv('GITHUB_ACTIONS', 'true');
  vi.stubEnv('GITHUB_STEP_SUMMARY', summary);
  vi.stubEnv('GITHUB_WORKSPACE', folder);
  const command = startC2m('run', file, '--out', out, '--metrics', '0', '--otlp', receiver.url, '--gitlab');
  const url = await pageAddress(command);
  const page = await vi.waitFor(
    async () => {
      const text = await (await fetch(url)).text();
      // The first seconds tell little: nobody has judged a gate, and nothing was sent.
      expect(text).toContain('c2m_run_gate_held{gate="connections.peak');
      expect(linesOf(text).get('c2m_run_messages_sent_total')).toBeGreaterThan(0);
      return text;
    },
    { timeout: 40_000, interval: 50 },
  );
  const figures = linesOf(page);
  expect(figures.get('c2m_run_connections_target')).toBe(40);
  expect(figures.get('c2m_run_gate_held{gate="connections.peak >= 41"}')).toBe(0);
  expect(figures.get('c2m_run_generator_agents')).toBeGreaterThan(0);
  expect(figures.get('c2m_run_latency_seconds_count{kind="connect"}')).toBeGreaterThanOrEqual(40);
  expect([...familiesOf(page)].some((name) => name.startsWith('c2m_run_queue_length'))).toBe(true);

  const { status, stdout, stderr } = await command.ended;
  expect(stderr).not.toContain('--otlp');
  expect(status).toBe(99);
  const record = recordIn(out);
  expect(receiver.metric('c2m.run.messages_sent')?.points[0]?.value).toBe(record.messages.sent);
  expect(
    receiver.metric('c2m.run.latency')?.points.find(({ attributes }) => attributes.kind === 'delivered')
      ?.count,
  ).toBe(record.latency.delivered.count);
  const names = receiver.spans().map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['run tiny', 'phase connect', 'phase talk', 'phase drain', 'cut 10 %']),
  );
  expect(new Set(receiver.spans().map(({ traceId }) => traceId))).toEqual(
    new Set([record.id.replaceAll('-', '')]),
  );
  expect(stdout).toContain(
    '::error file=tiny.yaml,line=10,title=c2m tiny::connections.peak >= 41 did not hold: 40\n',
  );
  expect(readFileSync(summary, 'utf8')).toBe(`${readFileSync(join(out, 'summary.md'), 'utf8')}\n`);
  expect(JSON.parse(readFileSync(join(out, 'gl-code-quality-report.json'), 'utf8'))).toMatchObject([
    { location: { path: 'tiny.yaml', lines: { begin: 10 } } },
  ]);
  expect(readFileSync(join(out, 'metrics.txt'), 'utf8')).toContain(
    `c2m_run_messages_delivered_total{scenario="tiny"} ${record.messages.delivered}\n`,
  );
});

/** The same as a matrix of a single combination, which has as many clients. */
function ofSingleMatrix(): { file: string; out: string } {
  const { folder, out } = scenario();
  const file = join(folder, 'single.yaml');
  writeFileSync(file, 'extends: tiny.yaml\nname: single\nmatrix: { clients.count: [20] }\n');
  return { file, out };
}

const BRIEF = ['--set', 'phases.talk.duration=1500ms', '--quiet'];

test(
  'c2m ab tells of one run after the other, which variant each is, and has a trace of each, as of a matrix with a single value',
  async () => {
    const { file, out } = ofSingleMatrix();
    receiver = await startOtlpReceiver();
    const command = startC2m(
      ...['ab', file, '--b', 'phases.talk.rate=50/s', '--runs', '2', ...BRIEF, '--out', out],
      ...['--metrics', '0', '--otlp', receiver.url],
    );
    const runs = await runsOnPage(command, 4);
    expect(runs.slice(0, 4)).toEqual([
      'number="1",overrides="",variant="A"',
      'number="1",overrides="phases.talk.rate=50/s",variant="B"',
      'number="2",overrides="phases.talk.rate=50/s",variant="B"',
      'number="2",overrides="",variant="A"',
    ]);
    expect((await command.ended).stderr).not.toContain('--otlp');
    for (const [folder, variant] of [
      ['a', 'A'],
      ['b', 'B'],
    ] as const) {
      const records = await readRecordSet(join(out, folder));
      expect(records.length).toBeGreaterThanOrEqual(2);
      for (const [index, { record }] of records.entries()) {
        expect(record.connections.target).toBe(20);
        expect(attributesOf(record)).toMatchObject({
          'c2m.run.variant': variant,
          'c2m.run.number': `${index + 1}`,
        });
      }
      const figures = receiver.requests.flatMap(({ metrics }) => metrics);
      const sent = figures
        .filter(({ name }) => name === 'c2m.run.messages_sent')
        .flatMap(({ points }) => points.filter(({ attributes }) => attributes.variant === variant));
      expect(sent.map(({ value }) => value)).toEqual(
        expect.arrayContaining(records.map(({ record }) => record.messages.sent)),
      );
    }
  },
  SERIES_MS,
);

test(
  'c2m capacity tells of one trial after the other, and which it is, as of a matrix with a single value',
  async () => {
    const { file, out } = ofSingleMatrix();
    receiver = await startOtlpReceiver();
    const command = startC2m(
      ...['capacity', file, '--find', 'messages.rate', '--until', 'latency.delivered.p99 < 1m'],
      ...['--without-gates', '--set', 'actions=[]', '--from', '50', '--max', '50', '--workers', '1'],
      ...['--trial', '1500ms', '--confirm', '1500ms', '--quiet'],
      ...['--out', out, '--metrics', '0', '--otlp', receiver.url],
    );
    const trials = await runsOnPage(command, 2);
    expect(trials).toEqual([
      'trial="1",level="50",length="short",workers="1"',
      'trial="2",level="50",length="full",workers="1"',
    ]);
    expect((await command.ended).status).toBe(0);
    const records = await readRecordSet(join(out, 'workers-1'));
    expect(records.map(({ record }) => attributesOf(record)?.['c2m.run.trial'])).toEqual(['1', '2']);
    expect(records.map(({ record }) => record.connections.target)).toEqual([20, 20]);
  },
  SERIES_MS,
);

test('what is wrong with where to look is told before anything is started', async () => {
  const { file, out } = scenario();
  const { status, stdout, stderr } = await c2mHere(
    'run',
    '--metrics',
    '0',
    '--otlp',
    file,
    '--out',
    out,
    file,
  );
  expect(stderr).toMatch(
    /^--otlp: ".*tiny\.yaml" is no address of a receiver; .* put --otlp behind the scenario\n$/,
  );
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
});
