import { describe, expect, test } from 'vitest';
import { githubAnnotations, githubError, isGithubActions } from '../../reports/github-annotations.js';
import { recordFixture } from '../fixtures/record.js';
import { reportedRun } from '../fixtures/reported-run.js';

const failed = recordFixture((record) => {
  record.verdict = 'failed';
  record.gates[1] = { expression: 'messages.lost == 0', value: 12, passed: false };
  record.gates.push({
    expression: 'latency.connect.p99 < 1s',
    value: null,
    passed: false,
    note: 'no latency was recorded',
  });
}).record;

describe('on GitHub', () => {
  test('each gate that failed is an error of its own, with its value', () => {
    expect(githubAnnotations(reportedRun(failed))).toBe(
      '::error title=c2m offline-backlog::messages.lost == 0 did not hold: 12\n' +
        '::error title=c2m offline-backlog::latency.connect.p99 < 1s did not hold: no latency was recorded\n',
    );
  });

  test('at the line of the gate, where the scenario is a file of the repository', () => {
    const { record } = recordFixture((each) => {
      each.verdict = 'failed';
      each.scenario.source = 'name: x\ngates:\n  - messages.lost == 0\n';
      each.gates = [
        { expression: 'messages.lost == 0', value: 12, passed: false },
        { expression: 'connections.peak > 9', value: 1, passed: false },
      ];
    });
    expect(githubAnnotations(reportedRun(record), () => 'load/a, b: 100 %.yaml')).toBe(
      '::error file=load/a%2C b%3A 100 %25.yaml,line=3,title=c2m offline-backlog::messages.lost == 0 did not hold: 12\n' +
        // One of `--set` stands in no line.
        '::error file=load/a%2C b%3A 100 %25.yaml,title=c2m offline-backlog::connections.peak > 9 did not hold: 1\n',
    );
  });

  test('a run that passed says nothing', () => {
    expect(githubAnnotations(reportedRun(recordFixture().record))).toBe('');
  });

  test('a damaged record and an invalid run are errors too', () => {
    const { record } = recordFixture((each) => {
      each.verdict = 'invalid';
      each.generator.valid = false;
    });
    const damage = [{ file: 'timeline.ndjson', what: 'is missing' }];
    const lines = githubAnnotations(reportedRun(record, [], { name: 'nightly', damage }))
      .trim()
      .split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('::The load generator could not do what was asked of it');
    expect(lines[1]).toBe(
      '::error title=c2m offline-backlog::the record nightly is damaged: timeline.ndjson is missing',
    );
  });

  test('no text ends the command, its properties or its line before their time', () => {
    expect(githubError('a: b, 100 %', 'one\r\ntwo: 50 %, ::error::')).toBe(
      '::error title=a%3A b%2C 100 %25::one%0D%0Atwo: 50 %25, ::error::\n',
    );
  });

  test('is where the runner says so', () => {
    expect(isGithubActions({ GITHUB_ACTIONS: 'true' })).toBe(true);
    expect(isGithubActions({})).toBe(false);
  });
});
