import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { codeQualityReport } from '../../reports/gitlab/code-quality.js';
import { metricsReport } from '../../reports/gitlab/metrics-report.js';
import { recordFixture } from '../fixtures/record.js';
import { reportedRun } from '../fixtures/reported-run.js';

/** What GitLab demands of each finding: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format */
const SCHEMA = {
  type: 'array',
  items: {
    type: 'object',
    required: ['description', 'check_name', 'fingerprint', 'severity', 'location'],
    additionalProperties: false,
    properties: {
      description: { type: 'string', minLength: 1 },
      check_name: { type: 'string', minLength: 1 },
      fingerprint: { type: 'string', pattern: '^[0-9a-f]{32,64}$' },
      severity: { enum: ['info', 'minor', 'major', 'critical', 'blocker'] },
      location: {
        type: 'object',
        required: ['path', 'lines'],
        properties: {
          // Relative, and without ./ before it: GitLab links nothing else.
          path: { type: 'string', pattern: '^(?!\\./|/)' },
          lines: {
            type: 'object',
            required: ['begin'],
            properties: { begin: { type: 'integer', minimum: 1 } },
          },
        },
      },
    },
  },
};
const isReport = new Ajv().compile(SCHEMA);

interface Finding {
  description: string;
  fingerprint: string;
  severity: string;
  location: { path: string; lines: { begin: number } };
}

function findingsOf(
  change: Parameters<typeof recordFixture>[0],
  damage: { file: string; what: string }[] = [],
): Finding[] {
  const { record } = recordFixture(change);
  const text = codeQualityReport(reportedRun(record, [], { damage }), () => './load/chat.yaml');
  expect(text.charCodeAt(0)).not.toBe(0xfeff);
  const findings = JSON.parse(text) as Finding[];
  expect(isReport(findings), JSON.stringify(isReport.errors)).toBe(true);
  expect(new Set(findings.map(({ fingerprint }) => fingerprint)).size).toBe(findings.length);
  return findings;
}

const fails = (value: number) => (record: ReturnType<typeof recordFixture>['record']) => {
  record.verdict = 'failed';
  record.scenario.source = 'name: x\ngates:\n  - messages.lost == 0\n';
  record.gates = [{ expression: 'messages.lost == 0', value, passed: false }];
};

describe('the code-quality report', () => {
  test('is an empty list where every gate held', () => {
    expect(findingsOf(() => undefined)).toEqual([]);
  });

  test('has a finding for each gate that did not hold, at its line', () => {
    expect(findingsOf(fails(12))).toMatchObject([
      {
        description: 'offline-backlog: messages.lost == 0 did not hold: 12',
        severity: 'major',
        location: { path: 'load/chat.yaml', lines: { begin: 3 } },
      },
    ]);
  });

  test('knows a gate again in the next pipeline, whatever its value is there', () => {
    const [before] = findingsOf(fails(12));
    const [after] = findingsOf(fails(13));
    expect(after?.fingerprint).toBe(before?.fingerprint);
  });

  test('has what else keeps the run from having passed', () => {
    const severities = findingsOf(
      (record) => {
        record.verdict = 'failed';
        record.target.died = 'it ended with status 1';
      },
      [
        { file: 'timeline.ndjson', what: 'is missing' },
        { file: 'latency.hlog', what: 'is missing' },
      ],
    ).map(({ severity }) => severity);
    expect(severities).toEqual(['critical', 'major', 'major']);
    expect(
      findingsOf((record) => {
        record.verdict = 'invalid';
        record.generator.valid = false;
      }),
    ).toMatchObject([{ severity: 'minor', location: { lines: { begin: 1 } } }]);
  });
});

/** As GitLab reads a line: what is behind a # goes, and the rest is split as a shell splits words. */
function readAsGitlab(text: string): Map<string, string> {
  const figures = new Map<string, string>();
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*$/, '').match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
    if (words.length >= 2) figures.set((words[0] as string).replaceAll('"', ''), words[1] as string);
  }
  return figures;
}

describe('the metrics report', () => {
  test('has what is compared, in base units, and ends as OpenMetrics does', () => {
    const { record } = recordFixture();
    const text = metricsReport(record);
    const figures = readAsGitlab(text);
    expect(figures.get('c2m_run_messages_lost_total{scenario=offline-backlog}')).toBe('0');
    const p99 = Number(figures.get('c2m_run_latency_delivered_p99_seconds{scenario=offline-backlog}'));
    expect(p99).toBeCloseTo((record.latency.delivered.p99 as number) / 1000, 6);
    expect(text).toMatch(/\n# EOF\n$/);
    for (const line of text.trimEnd().split('\n').slice(0, -1))
      expect(line).toMatch(/^c2m_run_[a-z0-9_]+\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\} -?[0-9.e+-]+$/);
  });

  test('has the figures of the gates too, such as that of a phase', () => {
    const { record } = recordFixture((each) => {
      each.gates = [{ expression: 'phases.talk.endSeconds < 1m', value: 14.4, passed: true }];
    });
    expect(
      readAsGitlab(metricsReport(record)).get(
        'c2m_run_phase_end_seconds{phase=talk,scenario=offline-backlog}',
      ),
    ).toBe('14.4');
  });

  test('leaves out what was not measured, and survives any name', () => {
    const { record } = recordFixture((each) => {
      each.name = 'a "b" #c\n\\';
      each.cpu = undefined;
    });
    const figures = readAsGitlab(metricsReport(record));
    expect([...figures.keys()].some((name) => name.includes('cpu_server'))).toBe(false);
    expect(figures.get('c2m_run_messages_lost_total{scenario=a__b___c__}')).toBe('0');
  });
});
