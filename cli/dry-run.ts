import { join } from 'node:path';
import chalk from 'chalk';
import { numbered } from '../lab/ab.js';
import { type DryRun, describePlan } from '../lab/dry-run.js';
import { planRun } from '../lab/plan-run.js';
import { demandNoRecords, demandReplaceable } from '../lab/record-folder.js';
import type { NatsOptions } from '../nats/connect.js';
import { printable } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import { formatBytes, formatCount, formatSeconds, plural } from '../reports/format.js';
import { alignedRows } from '../reports/terminal.js';
import type { Cell } from '../scenarios/matrix.js';
import { ExitStatus } from './exit-status.js';
import { listenForInterrupts } from './interrupts.js';

export interface DryRunOptions {
  folder: string;
  isReplacing: boolean;
  baseline: RunRecord[];
  agents?: NatsOptions;
  /** Runs of each. */
  repeat: number;
  json: boolean;
}

/** Says what a run would do, of each cell of a matrix; starts nothing and writes nothing. */
export async function dryRun(cells: readonly Cell[], options: DryRunOptions): Promise<ExitStatus> {
  const { folder, isReplacing, baseline, agents, repeat, json } = options;
  const isMatrix = cells.length > 1;
  if (isMatrix || repeat > 1) await demandNoRecords(folder);
  else await demandReplaceable(folder, isReplacing);
  const interrupts = listenForInterrupts({ hangup: true });
  try {
    const plans: { name: string; plan: DryRun }[] = [];
    for (const { name, folder: own, loaded } of cells) {
      const { signal } = interrupts;
      const tell = (words: string): void => void process.stderr.write(`${printable(words)}\n`);
      const planned = await planRun(loaded, { baseline, agents, signal, tell });
      // Ctrl-C, while it waited for machines.
      if (!planned) return ExitStatus.Interrupted;
      await planned.coordinator.close();
      plans.push({
        name,
        plan: describePlan(loaded, planned, isMatrix || repeat > 1 ? join(folder, own, numbered(1)) : folder),
      });
    }
    if (json) {
      const told = plans.map(({ plan }) => plan);
      process.stdout.write(`${JSON.stringify(isMatrix ? told : told[0], null, 2)}\n`);
    } else for (const { name, plan } of plans) process.stdout.write(planText(plan, name, repeat));
    return ExitStatus.Passed;
  } finally {
    interrupts.release();
  }
}

/** @param name of the cell of a matrix; empty: there is none @param repeat how often it is run */
export function planText(plan: DryRun, name = '', repeat = 1): string {
  const rows: [string, string][] = [
    ['Target', targetWords(plan)],
    ['Clients', clientWords(plan)],
    ['Files', fileWords(plan)],
    ['Memory', memoryWords(plan)],
    ['Load', loadWords(plan)],
    ['Time', timeWords(plan)],
    ...timelineRows(plan).map((line): [string, string] => ['', line]),
    ['Actions', actionWords(plan)],
    ['Gates', gateWords(plan)],
    ['Variables', plan.variables.join(', ')],
    ['Writes', writeWords(plan, repeat)],
    ...plan.notes.map((note): [string, string] => ['Note', note]),
  ];
  const title = `${plan.scenario}${name && `, ${name}`} (${plan.file})`;
  const lines = rows
    .filter(([, words]) => words !== '')
    .map(([label, words]) => `  ${chalk.dim(label.padEnd(9))} ${printable(words)}\n`);
  return `\n${chalk.bold(printable(title))}: the plan; nothing is started, and nothing written\n${lines.join('')}`;
}

function targetWords({ target }: DryRun): string {
  switch (target.kind) {
    case 'embedded': {
      const workers = plural(target.serverWorkers ?? 1, 'worker');
      const server =
        target.nodes === null
          ? `the reference server over ${target.protocol}, started for the run: ${workers}`
          : `a cluster of ${plural(target.nodes, 'node')} over ${target.protocol}, started for the run: ${workers} each`;
      return `${server}, mailboxes in ${target.store}`;
    }
    case 'command':
      return `${target.driver} at ${target.addresses.join(', ')}, started for the run: ${target.command?.join(' ')}`;
    case 'external':
      return `${target.driver} at ${target.addresses.join(', ')}`;
  }
}

function clientWords({ agents, clients }: DryRun): string {
  const hosts = [...new Set(agents.map(({ host }) => host))].map((host) => {
    const own = agents.filter((agent) => agent.host === host).map((agent) => agent.clients);
    if (own.length === 1) return `1 process on ${host}`;
    const [least, most] = [Math.min(...own), Math.max(...own)];
    const each = least === most ? formatCount(most) : `${formatCount(least)} to ${formatCount(most)}`;
    return `${formatCount(own.length)} processes on ${host}, ${each} each`;
  });
  return `${formatCount(clients)} in ${hosts.join('; ')}`;
}

function fileWords({ openFiles: { limit, perAgent, perServerWorker } }: DryRun): string {
  const server = perServerWorker === null ? '' : ` and ${formatCount(perServerWorker)} in a server worker`;
  const most = limit === null ? '' : `; a process may have ${formatCount(limit)}`;
  return `up to ${formatCount(perAgent)} open in an agent${server}${most}`;
}

function memoryWords({ memory: { bytes, availableBytes, short } }: DryRun): string {
  const verdict = short === null ? '' : `; ${short} would not be enough`;
  return `about ${formatBytes(bytes)} on this host, ${formatBytes(availableBytes)} available${verdict}`;
}

function loadWords({ messages }: DryRun): string {
  if (messages.due === 0) return 'no messages: connections are held';
  const copies =
    messages.deliveries > messages.due
      ? `; with those to groups ${formatCount(Math.round(messages.deliveries))} deliveries`
      : '';
  return `about ${formatCount(Math.round(messages.due))} messages, at most ${formatCount(messages.peakPerSecond)}/s${copies}`;
}

function timeWords({ timeline, drainSeconds }: DryRun): string {
  const seconds = timeline.reduce((sum, phase) => sum + phase.seconds, 0);
  return `about ${formatSeconds(Math.ceil(seconds) + 1)}; the drain at its end may take up to ${formatSeconds(drainSeconds)}`;
}

function timelineRows({ timeline }: DryRun): string[] {
  const rows = timeline.map(({ name, startSeconds, seconds, perSecond, perSecondTo, messages }) => [
    name,
    `from ${formatSeconds(startSeconds)}`,
    `for ${formatSeconds(seconds)}`,
    `${formatCount(perSecond ?? 0)}${perSecondTo === null ? '' : ` to ${formatCount(perSecondTo)}`}/s`,
    name === 'connect' ? 'connects' : `${formatCount(Math.round(messages))} messages`,
  ]);
  return alignedRows(rows);
}

function writeWords({ writes: { folder, files } }: DryRun, repeat: number): string {
  const others = repeat > 1 ? ` to ${numbered(repeat)}` : '';
  return `${folder}${others}: ${files.join(', ')}`;
}

const ACTIONS_TOLD = 5;

function actionWords({ actions }: DryRun): string {
  const told = actions
    .slice(0, ACTIONS_TOLD)
    .map(({ what, atSeconds }) => `${what} at ${formatSeconds(atSeconds)}`);
  const more = actions.length - told.length;
  return `${told.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function gateWords({ gates }: DryRun): string {
  return gates
    .map(({ expression, endsRunAfterSeconds }) => {
      if (endsRunAfterSeconds === null) return expression;
      const after = endsRunAfterSeconds > 0 ? ` once broken for ${formatSeconds(endsRunAfterSeconds)}` : '';
      return `${expression} (ends the run${after})`;
    })
    .join(', ');
}
