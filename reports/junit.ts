import { agentLosses, lossWords } from '../record/agent-losses.js';
import { printableData } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import { hasLoadSources } from './agents/agent-hosts.js';
import { slowestSentence } from './agents/slowest-agent.js';
import { junitSuite } from './junit-suite.js';
import type { ReportedRun } from './reported-run.js';
import { casesOf } from './run-cases.js';

/**
 * The run as JUnit XML: one test case for each gate, one for the honesty of the generator, one for the record itself
 * and, for a run that was cut short, one that says so. It keeps to the schema that Jenkins checks reports by
 * (xunit-plugin, junit-10.xsd), the strictest that is published: `testsuites` has no `skipped`.
 */
export function junitXml({ record: measured, damage }: ReportedRun): string {
  const record = printableData(measured);
  const suite = `c2m.${record.name}`;
  return junitSuite({
    name: suite,
    startedAt: record.startedAt,
    seconds: record.durationSeconds,
    properties: properties(record),
    cases: casesOf({ record, damage }),
  });
}

function properties(record: RunRecord): [string, string][] {
  return [
    ['id', record.id],
    ['verdict', record.verdict],
    ['seed', String(record.seed)],
    ['c2m', record.environment.c2m],
    ['node', record.environment.node],
    ['kernel', record.environment.kernel],
    ...agentProperties(record),
  ];
}

/** None for a run in one process of this machine. */
function agentProperties(record: RunRecord): [string, string][] {
  if (!hasLoadSources(record)) return [];
  const slowest = slowestSentence(record);
  return [
    ['agents', String(record.generator.agents)],
    ['hosts', record.hosts.map(({ name }) => name).join(', ')],
    ...(slowest === undefined ? [] : [['agents.slowest', slowest] as [string, string]]),
    ...agentLosses(record.hosts).map((loss): [string, string] => ['agents.lost', lossWords(loss)]),
  ];
}
