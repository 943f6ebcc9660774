import chalk from 'chalk';
import { toMiB } from '../memory-budget.js';
import type { AbuseCase } from './abuse-case.js';
import type { BystanderReport, Latency } from './bystanders.js';
import type { AbuseResult } from './run-case.js';

/** Below this nobody notices that there is an attack. */
const FLOOR_P99_MS = 50;
const MOST_TIMES_BEFORE = 2;

export interface Judged {
  holds: boolean;
  lines: string[];
}

/** One line for each promise, with a mark, and what the attacker did and was told. */
export function judge(each: AbuseCase, result: AbuseResult): Judged {
  const checks = [
    survival(each, result),
    memory(result),
    speed(each, result),
    fairness(each, result),
    ...result.attacker.faults.map((fault) => ({ holds: false, text: fault })),
  ];
  return {
    holds: checks.every(({ holds }) => holds),
    lines: [
      ...checks.map(({ holds, text }) => `  ${holds ? chalk.green('✔') : chalk.red('✘')} ${text}`),
      ...attacker(result).map((line) => chalk.dim(`    ${line}`)),
    ],
  };
}

interface Check {
  holds: boolean;
  text: string;
}

function survival(each: AbuseCase, { ended, restarts, isAnswering, lastWords }: AbuseResult): Check {
  const words = lastWords ? ` (${lastWords.trim().slice(0, 200)})` : '';
  if (ended !== undefined) return { holds: false, text: `ended: ${ended}${words}` };
  if (!isAnswering) return { holds: false, text: 'not ended, but the admin port does not answer' };
  if (restarts.length === 0) return { holds: true, text: 'not ended, no process restarted' };
  const text = `not ended; ${restarts.length} restarts: ${restarts[0]}${words}`;
  return { holds: each.mayRestart === true, text };
}

function memory({ memory: { beforeBytes, peakBytes, boundBytes, terms } }: AbuseResult): Check {
  return {
    holds: peakBytes <= boundBytes,
    text: `memory ${toMiB(beforeBytes)}, at most ${toMiB(peakBytes)}; bound ${toMiB(boundBytes)} (before + ${terms})`,
  };
}

function speed(each: AbuseCase, { before, during }: AbuseResult): Check {
  const slowest = (latency: Latency) => Math.max(FLOOR_P99_MS, MOST_TIMES_BEFORE * latency.p99Ms);
  const isFast =
    during.accepted.p99Ms <= slowest(before.accepted) && during.delivered.p99Ms <= slowest(before.delivered);
  const both = (name: string, one: Latency, other: Latency) =>
    `${name} p50 ${ms(one.p50Ms)} -> ${ms(other.p50Ms)}, p99 ${ms(one.p99Ms)} -> ${ms(other.p99Ms)} ms (max ${ms(other.maxMs)})`;
  return {
    holds: isFast || each.maySlowDown === true,
    text: `bystanders: ${both('ACCEPTED', before.accepted, during.accepted)}; ${both('DELIVER', before.delivered, during.delivered)}`,
  };
}

function fairness(each: AbuseCase, { during }: AbuseResult): Check {
  const { refused, cut, missing, unanswered, sent } = during;
  const isFair =
    missing === 0 &&
    unanswered === 0 &&
    (Object.keys(refused).length === 0 || each.mayRefuse === true) &&
    (Object.keys(cut).length === 0 || each.mayRestart === true);
  return {
    holds: isFair,
    text: `bystanders sent ${count(sent)}: ${outcome({ refused, cut, missing, unanswered })}`,
  };
}

function outcome(report: Pick<BystanderReport, 'refused' | 'cut' | 'missing' | 'unanswered'>): string {
  const parts = [
    Object.keys(report.refused).length > 0 ? `refused ${counts(report.refused)}` : 'none refused',
    Object.keys(report.cut).length > 0 ? `cut off ${counts(report.cut)}` : 'nobody cut off',
    `${report.unanswered} unanswered`,
    `${report.missing} not delivered`,
  ];
  return parts.join(', ');
}

function attacker({ attacker: { did, told, cpuSeconds }, seconds }: AbuseResult): string[] {
  const rates = Object.entries(did).map(
    ([what, number]) => `${what} ${count(number)} (${count(number / seconds)}/s)`,
  );
  return [
    `attacker, ${seconds} s: ${rates.join(', ') || 'nothing'}; ${Math.round((cpuSeconds / seconds) * 100)} % of a core`,
    `was told: ${counts(told) || 'nothing'}`,
  ];
}

function counts(numbers: Record<string, number>): string {
  return Object.entries(numbers)
    .map(([name, number]) => `${name} ${count(number)}`)
    .join(', ');
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

function ms(number: number): string {
  return number < 10 ? number.toFixed(1) : Math.round(number).toLocaleString('en-US');
}
