import { damageWords } from '../record/damage.js';
import { printableData } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import type { ReportedRun } from './reported-run.js';
import { explainVerdict, gateValue } from './statement.js';

/**
 * The run as JUnit XML: one test case for each gate, one for the honesty of the generator, one for the record itself
 * and, for a run that was cut short, one that says so. It keeps to the schema that Jenkins checks reports by
 * (xunit-plugin, junit-10.xsd), the strictest that is published: `testsuites` has no `skipped`.
 */
export function junitXml({ record: measured, damage }: ReportedRun): string {
  const record = printableData(measured);
  const suite = `c2m.${record.name}`;
  const cases = [
    ...record.gates.map((gate) =>
      testCase(
        suite,
        gate.expression,
        gate.passed ? null : `${gate.expression} did not hold: ${gateValue(gate)}`,
      ),
    ),
    testCase(suite, 'generator kept its schedule', record.generator.valid ? null : invalidMessage(record)),
    testCase(
      suite,
      'the record is complete',
      damage.length === 0 ? null : `The record is damaged: ${damage.map(damageWords).join('; ')}.`,
    ),
  ];
  if (record.verdict === 'partial')
    cases.push(testCase(suite, 'the run was completed', explainVerdict(record)));
  const failures = cases.filter((each) => each.hasFailed).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="0"`;
  const time = record.durationSeconds.toFixed(3);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="c2m" ${counts} time="${time}">`,
    `  <testsuite name="${attribute(suite)}" ${counts} skipped="0" time="${time}" timestamp="${attribute(record.startedAt)}">`,
    '    <properties>',
    ...properties(record).map(
      ([name, value]) => `      <property name="${attribute(name)}" value="${attribute(value)}"/>`,
    ),
    '    </properties>',
    ...cases.map((each) => each.xml),
    '  </testsuite>',
    '</testsuites>',
  ];
  return `${lines.join('\n')}\n`;
}

function testCase(suite: string, name: string, failure: string | null): { xml: string; hasFailed: boolean } {
  const head = `    <testcase classname="${attribute(suite)}" name="${attribute(name)}" time="0"`;
  if (failure === null) return { xml: `${head}/>`, hasFailed: false };
  const body = `      <failure type="c2m.gate" message="${attribute(failure)}">${text(failure)}</failure>`;
  return { xml: `${head}>\n${body}\n    </testcase>`, hasFailed: true };
}

function invalidMessage(record: RunRecord): string {
  return explainVerdict({ ...record, verdict: 'invalid' });
}

function properties(record: RunRecord): [string, string][] {
  return [
    ['id', record.id],
    ['verdict', record.verdict],
    ['seed', String(record.seed)],
    ['c2m', record.environment.c2m],
    ['node', record.environment.node],
    ['kernel', record.environment.kernel],
  ];
}

function text(value: string): string {
  return withoutForbidden(value).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function attribute(value: string): string {
  return text(value)
    .replace(/"/g, '&quot;')
    .replace(/\n/g, '&#10;')
    .replace(/\r/g, '&#13;')
    .replace(/\t/g, '&#9;');
}

/** XML 1.0 has no way to write most control characters, not even escaped; a reader rejects the whole file. */
function withoutForbidden(value: string): string {
  return Array.from(value, (character) =>
    isAllowed(character.codePointAt(0) ?? 0) ? character : '\ufffd',
  ).join('');
}

function isAllowed(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
}
