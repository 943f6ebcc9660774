import chalk from 'chalk';
import stringWidth from 'string-width';
import type { AgentsAtWork } from '../loadgen/run.js';
import type { IntervalLatency, TimelineSample } from '../record/timeline.js';
import { formatCount, formatMilliseconds, formatSeconds, NOT_MEASURED, plural } from '../reports/format.js';
import { expectedDurationMs } from '../scenarios/expected-duration.js';
import type { Scenario } from '../scenarios/scenario.js';
import { cutLine, filledLines } from './line-width.js';
import type { Room } from './redrawn-screen.js';

/** What is known of a run at a moment. */
export interface RunMoment {
  scenario: Scenario;
  elapsedMs: number;
  /** `leftMs` is null where nobody knows how long the phase takes. */
  phase: { name: string; leftMs: number | null } | undefined;
  /** The newest; undefined before the first. */
  sample: TimelineSample | undefined;
  /** Undefined before they are ready. */
  agents: AgentsAtWork | undefined;
  totals: Trouble;
  isInterrupted: boolean;
}

/** What went wrong since the run began, in counts. */
type Trouble = Record<keyof typeof TROUBLE_WORDS, number>;

const TROUBLE_WORDS = {
  failed: 'connects failed',
  dropped: 'dropped',
  duplicated: 'duplicated',
  outOfOrder: 'out of order',
  refused: 'refused',
} as const;

export const NO_TROUBLE: Trouble = { failed: 0, dropped: 0, duplicated: 0, outOfOrder: 0, refused: 0 };

/** What a low terminal goes without, the first first; how far the run is and what is wrong with it stay. */
const DISPENSABLE = [
  'hint',
  'gap',
  'load',
  'backlog',
  'agents',
  'latency',
  'messages',
  'connections',
] as const;

/** A row begins with its name. */
const NAME_COLUMNS = 14;

/** A run at a moment, as rows for a terminal. */
export function liveRows(moment: RunMoment, { columns, rows }: Room): string[] {
  const { scenario, sample } = moment;
  const parts: Record<string, string[]> = {
    progress: [progressLine(scenario, moment.elapsedMs, columns)],
    gap: [''],
    phase: row('phase', phaseWords(moment), columns),
    ...agentParts(moment.agents, columns),
    ...(sample && sampleParts(scenario, sample, columns)),
    ...(sample && { trouble: row('trouble', troubleWords(moment), columns) }),
    hint: ['', chalk.dim('  Ctrl-C ends the run and keeps what was measured.')],
  };
  for (const name of DISPENSABLE) {
    if (Object.values(parts).flat().length <= rows) break;
    delete parts[name];
  }
  return Object.values(parts).flat();
}

/** The totals with what went wrong in one second more. */
export function withTroubleOf({ connections, messages }: TimelineSample, totals: Trouble): Trouble {
  return {
    failed: totals.failed + connections.failed,
    dropped: totals.dropped + connections.dropped,
    duplicated: totals.duplicated + messages.duplicated,
    outOfOrder: totals.outOfOrder + messages.outOfOrder,
    refused: totals.refused + messages.refused,
  };
}

/** Totals come before the shares of the workers that make them up (`mailboxes#0`), and say more. */
export function longestQueue({ server }: TimelineSample): [string, number] {
  let longest: [string, number] = ['', 0];
  for (const [name, length] of Object.entries(server?.queues ?? {})) {
    if (longest[0] === '' || length > longest[1]) longest = [name, length];
  }
  return longest;
}

/** A named row; what its words need beyond the width of the terminal goes on beneath them. */
function row(name: string, words: string[], columns: number): string[] {
  return filledLines(words, ', ', columns - NAME_COLUMNS).map(
    (line, index) => `  ${chalk.dim((index === 0 ? name : '').padEnd(NAME_COLUMNS - 2))}${line}`,
  );
}

function progressLine(scenario: Scenario, elapsedMs: number, columns: number): string {
  const totalMs = expectedDurationMs(scenario);
  const seconds = `${Math.floor(elapsedMs / 1000)} s of about ${formatSeconds(Math.round(totalMs / 1000))}`;
  const width = Math.max(10, columns - 60);
  // A long name is cut, so that what follows it is seen.
  const name = cutLine(scenario.name, Math.max(8, columns - width - stringWidth(seconds) - 6));
  // Full only when it is over: how long a drain takes nobody knows before.
  const filled = Math.min(width - 1, Math.floor((elapsedMs / totalMs) * width));
  const bar = chalk.green('━'.repeat(filled)) + chalk.dim('━'.repeat(width - filled));
  return `  ${chalk.bold(name)}  ${bar}  ${chalk.dim(seconds)}`;
}

function phaseWords({ phase, isInterrupted }: RunMoment): string[] {
  if (isInterrupted) return [chalk.yellow('ending; Ctrl-C again does not wait for it')];
  if (!phase) return ['starting'];
  if (phase.leftMs === null) return [chalk.bold(phase.name)];
  return [chalk.bold(phase.name), `${Math.max(0, Math.ceil(phase.leftMs / 1000))} s left`];
}

/** None for a run in one process of this machine. */
function agentParts(agents: AgentsAtWork | undefined, columns: number): Record<string, string[]> {
  if (!agents || (agents.agents === 1 && agents.hosts === 1)) return {};
  const { agents: all, hosts, lost } = agents;
  const where = `on ${plural(hosts, 'host')}`;
  if (lost.length === 0)
    return { agents: row('agents', [`${chalk.bold(formatCount(all))} ${where}`], columns) };
  const left = chalk.red(`${formatCount(all - lost.length)} of ${formatCount(all)}`);
  const last = lost.at(-1) as AgentsAtWork['lost'][number];
  const gone = chalk.red(
    lost.length === 1
      ? `agent ${last.agent} on ${last.host} is lost`
      : `${formatCount(lost.length)} are lost, the last agent ${last.agent} on ${last.host}`,
  );
  return { agents: row('agents', [`${left} ${where}`, gone], columns) };
}

function sampleParts(scenario: Scenario, sample: TimelineSample, columns: number): Record<string, string[]> {
  const { connections, messages, latency, generator, server, seconds } = sample;
  const perSecond = (count: number): string => chalk.bold(`${formatCount(Math.round(count / seconds))}/s`);
  const [queue, length] = longestQueue(sample);
  const open = `${chalk.bold(formatCount(connections.open))} of ${formatCount(scenario.clients.count)} open`;
  const opening = `${formatCount(connections.opening)} opening`;
  const away = `${formatCount(connections.away)} away`;
  const sent = `${perSecond(messages.sent)} sent`;
  const delivered = `${perSecond(messages.delivered)} delivered`;
  const inFlight = `${formatCount(messages.inFlight)} in flight`;
  const cores = `${generator.cpu.toFixed(2)} cores generator`;
  const lag = `lag p99 ${generator.lagP99Ms === null ? NOT_MEASURED : formatMilliseconds(generator.lagP99Ms)}`;
  return {
    connections: row('connections', [open, opening, away], columns),
    messages: row('messages', [sent, delivered, inFlight], columns),
    // Side by side they are wider than 80 columns as soon as a figure is long.
    latency: [
      ...row('latency', percentiles('delivered  ', latency.delivered), columns),
      ...row('', percentiles('accepted   ', latency.accepted), columns),
    ],
    backlog: row(
      'backlog',
      [queue === '' ? 'not known' : `${chalk.bold(formatCount(length))} in ${queue}`],
      columns,
    ),
    load: row('load', [cores, ...(server ? [`${server.cpu.toFixed(2)} server`] : []), lag], columns),
  };
}

function percentiles(label: string, interval: IntervalLatency | null): string[] {
  if (!interval) return [`${label}${NOT_MEASURED}`];
  const { p50, p99 } = interval;
  return [`${label}p50 ${chalk.bold(formatMilliseconds(p50))}`, `p99 ${chalk.bold(formatMilliseconds(p99))}`];
}

function troubleWords({ totals, agents }: RunMoment): string[] {
  const lost = agents?.lost.length ?? 0;
  const present = (Object.keys(TROUBLE_WORDS) as (keyof typeof TROUBLE_WORDS)[]).filter(
    (key) => totals[key] > 0,
  );
  if (present.length === 0 && lost === 0) return [chalk.green('none')];
  return [
    ...(lost > 0 ? [chalk.red(`${plural(lost, 'agent')} lost`)] : []),
    ...present.map((key) => chalk.red(`${formatCount(totals[key])} ${TROUBLE_WORDS[key]}`)),
  ];
}
