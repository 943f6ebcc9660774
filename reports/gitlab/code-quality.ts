import { createHash } from 'node:crypto';
import { damageWords } from '../../record/damage.js';
import { printableData, printableJson } from '../../record/printable.js';
import { type GatePlace, gatePlace } from '../gate-line.js';
import type { ReportedRun } from '../reported-run.js';
import { explainVerdict, gateValue, isJudged } from '../statement.js';

/** One finding, as GitLab reads it: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format */
interface Finding {
  description: string;
  check_name: string;
  /** The same in each pipeline where the same is wrong, so that GitLab can tell what is new from what was there. */
  fingerprint: string;
  severity: 'info' | 'minor' | 'major' | 'critical' | 'blocker';
  location: { path: string; lines: { begin: number } };
}

/**
 * What is wrong with a run as a code-quality report of GitLab: a finding for each gate that did not hold, at its line in the
 * scenario, and for what else keeps the run from having passed. No finding: an empty list, which is what GitLab wants then.
 * @param inRepository a file of the record as the repository has it; undefined: it does not, and is named as in the record
 */
export function codeQualityReport(
  { record: measured, damage }: ReportedRun,
  inRepository: (file: string) => string | undefined,
): string {
  const record = printableData(measured);
  const seen = new Map<string, number>();
  const finding = (
    check: string,
    severity: Finding['severity'],
    description: string,
    { file, line }: GatePlace = { file: measured.scenario.file, line: undefined },
  ): Finding => {
    const path = printableData(inRepository(file) ?? file).replace(/^\.\//, '');
    const identity = JSON.stringify([record.name, path, check]);
    // Two findings of one fingerprint are one to GitLab.
    const times = (seen.get(identity) ?? 0) + 1;
    seen.set(identity, times);
    return {
      description: `${record.name}: ${description}`,
      check_name: check,
      fingerprint: createHash('sha256').update(`${identity}${times}`).digest('hex'),
      severity,
      location: { path, lines: { begin: line ?? 1 } },
    };
  };
  const gates = record.gates
    .filter((gate) => !gate.passed && isJudged(record, gate))
    .map((gate) =>
      finding(
        `c2m: ${gate.expression}`,
        gate.isUndecided ? 'minor' : 'major',
        `${gate.expression} did not hold: ${gateValue(gate)}`,
        gatePlace(measured.scenario, gate.expression),
      ),
    );
  const isUnproven = record.verdict === 'invalid' || record.verdict === 'partial';
  const findings = [
    ...gates,
    ...(record.target.died === null
      ? []
      : [finding('c2m: the target died', 'critical', `the target died: ${record.target.died}`)]),
    ...(isUnproven ? [finding(`c2m: ${record.verdict}`, 'minor', explainVerdict(record))] : []),
    ...damage.map((each) =>
      finding('c2m: the record is damaged', 'major', `the record is damaged: ${damageWords(each)}`),
    ),
  ];
  return `${printableJson(findings, 2)}\n`;
}
