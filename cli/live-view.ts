import chalk from 'chalk';
import { createLogUpdate } from 'log-update';
import { printableData } from '../record/printable.js';
import type { TimelineSample } from '../record/timeline.js';
import { formatCount, formatMilliseconds, formatSeconds } from '../reports/format.js';
import { expectedDurationMs } from '../scenarios/expected-duration.js';
import type { Scenario } from '../scenarios/scenario.js';

/** What a run shows of itself while it goes on. */
export interface LiveView {
  phase(phase: { name: string; durationMs: number | null }): void;
  sample(sample: TimelineSample): void;
  /** The first Ctrl-C was heard. */
  interrupted(): void;
  /** Takes the view away, so that what is written next stands alone. */
  end(): void;
}

const REDRAW_MS = 250;

/** @param stream a terminal gets a view redrawn in place, anything else a line for each sample */
export function liveView(scenario: Scenario, stream: NodeJS.WriteStream): LiveView {
  const view = stream.isTTY ? redrawnView(scenario, stream) : lineView(stream);
  // Names of phases are the scenario's, names of queues the server's.
  return {
    ...view,
    phase: (phase) => view.phase(printableData(phase)),
    sample: (sample) => view.sample(printableData(sample)),
  };
}

/** For `--quiet`. */
export const noView: LiveView = {
  phase: () => undefined,
  sample: () => undefined,
  interrupted: () => undefined,
  end: () => undefined,
};

/** Plain lines of aligned columns: `grep drain` and `awk` find their way. */
function lineView(stream: NodeJS.WriteStream): LiveView {
  return {
    ...noView,
    phase: ({ name, durationMs }) => {
      stream.write(`phase ${name}${durationMs === null ? '' : ` for ${formatSeconds(durationMs / 1000)}`}\n`);
    },
    sample: (sample) => stream.write(`${sampleLine(sample)}\n`),
    interrupted: () => stream.write('interrupted: the run ends now and is recorded as partial\n'),
  };
}

/** One second of a run in one line, every figure with its name. */
export function sampleLine(sample: TimelineSample): string {
  const { connections, messages, latency, seconds } = sample;
  const perSecond = (count: number): string => `${formatCount(Math.round(count / seconds))}/s`;
  const [queue, length] = longestQueue(sample);
  const { delivered } = latency;
  return [
    `${sample.t.toFixed(1)} s`.padStart(8),
    sample.phase.padEnd(12),
    `open ${formatCount(connections.open).padStart(7)}`,
    `failed ${formatCount(connections.failed)}`.padEnd(8),
    `sent ${perSecond(messages.sent).padStart(8)}`,
    `delivered ${perSecond(messages.delivered).padStart(8)}`,
    `p50 ${delivered ? formatMilliseconds(delivered.p50) : '–'}`.padEnd(11),
    `p99 ${delivered ? formatMilliseconds(delivered.p99) : '–'}`.padEnd(11),
    `in-flight ${formatCount(messages.inFlight).padStart(6)}`,
    queue === '' ? 'backlog –' : `backlog ${formatCount(length)} (${queue})`,
  ].join('  ');
}

function redrawnView(scenario: Scenario, stream: NodeJS.WriteStream): LiveView {
  const screen = createLogUpdate(stream, { showCursor: false });
  const startedMs = performance.now();
  let phase: { name: string; durationMs: number | null; sinceMs: number } | undefined;
  let sample: TimelineSample | undefined;
  let isInterrupted = false;
  const totals = { failed: 0, dropped: 0, duplicated: 0, outOfOrder: 0, refused: 0 };
  const draw = (): void => {
    const nowMs = performance.now();
    screen(
      [
        '',
        progressLine(scenario, nowMs - startedMs, stream.columns ?? 80),
        '',
        row('phase', phaseWords(phase, nowMs, isInterrupted)),
        ...(sample ? sampleRows(scenario, sample) : []),
        ...(sample ? [row('trouble', troubleWords(totals))] : []),
        '',
        chalk.dim(`  Ctrl-C ends the run and keeps what was measured.`),
      ].join('\n'),
    );
  };
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  draw();
  return {
    phase: (next) => {
      phase = { ...next, sinceMs: performance.now() };
      draw();
    },
    sample: (next) => {
      sample = next;
      totals.failed += next.connections.failed;
      totals.dropped += next.connections.dropped;
      totals.duplicated += next.messages.duplicated;
      totals.outOfOrder += next.messages.outOfOrder;
      totals.refused += next.messages.refused;
      draw();
    },
    interrupted: () => {
      isInterrupted = true;
      draw();
    },
    end: () => {
      clearInterval(timer);
      screen.clear();
      screen.done();
    },
  };
}

function row(name: string, words: string): string {
  return `  ${chalk.dim(name.padEnd(12))}${words}`;
}

function progressLine(scenario: Scenario, elapsedMs: number, columns: number): string {
  const totalMs = expectedDurationMs(scenario);
  const width = Math.max(10, Math.min(40, columns - 50));
  // Full only when it is over: how long a drain takes nobody knows before.
  const filled = Math.min(width - 1, Math.floor((elapsedMs / totalMs) * width));
  const bar = chalk.green('━'.repeat(filled)) + chalk.dim('━'.repeat(width - filled));
  const seconds = `${Math.floor(elapsedMs / 1000)} s of about ${formatSeconds(Math.round(totalMs / 1000))}`;
  return `  ${chalk.bold(scenario.name)}  ${bar}  ${chalk.dim(seconds)}`;
}

function phaseWords(
  phase: { name: string; durationMs: number | null; sinceMs: number } | undefined,
  nowMs: number,
  isInterrupted: boolean,
): string {
  if (isInterrupted) return chalk.yellow('ending; Ctrl-C again does not wait for it');
  if (!phase) return 'starting';
  if (phase.durationMs === null) return chalk.bold(phase.name);
  const leftSeconds = Math.max(0, Math.ceil((phase.durationMs - (nowMs - phase.sinceMs)) / 1000));
  return `${chalk.bold(phase.name)}, ${leftSeconds} s left`;
}

function sampleRows(scenario: Scenario, sample: TimelineSample): string[] {
  const { connections, messages, latency, generator, server, seconds } = sample;
  const perSecond = (count: number): string => chalk.bold(`${formatCount(Math.round(count / seconds))}/s`);
  const percentiles = (name: 'delivered' | 'accepted'): string => {
    const interval = latency[name];
    if (!interval) return `${name} –`;
    return `${name} p50 ${chalk.bold(formatMilliseconds(interval.p50))} p99 ${chalk.bold(formatMilliseconds(interval.p99))}`;
  };
  const [queue, length] = longestQueue(sample);
  const cores = `${generator.cpu.toFixed(2)} cores generator${server ? `, ${server.cpu.toFixed(2)} server` : ''}`;
  return [
    row(
      'connections',
      `${chalk.bold(formatCount(connections.open))} of ${formatCount(scenario.clients.count)} open, ` +
        `${formatCount(connections.opening)} opening, ${formatCount(connections.away)} away`,
    ),
    row(
      'messages',
      `${perSecond(messages.sent)} sent, ${perSecond(messages.delivered)} delivered, ${formatCount(messages.inFlight)} in flight`,
    ),
    row('latency', `${percentiles('delivered')}, ${percentiles('accepted')}`),
    row('backlog', queue === '' ? 'not known' : `${chalk.bold(formatCount(length))} in ${queue}`),
    row(
      'load',
      `${cores}, lag p99 ${generator.lagP99Ms === null ? '–' : formatMilliseconds(generator.lagP99Ms)}`,
    ),
  ];
}

const TROUBLE_WORDS = {
  failed: 'connects failed',
  dropped: 'dropped',
  duplicated: 'duplicated',
  outOfOrder: 'out of order',
  refused: 'refused',
} as const;

function troubleWords(totals: Record<keyof typeof TROUBLE_WORDS, number>): string {
  const present = (Object.keys(TROUBLE_WORDS) as (keyof typeof TROUBLE_WORDS)[]).filter(
    (key) => totals[key] > 0,
  );
  if (present.length === 0) return chalk.green('none');
  return present.map((key) => chalk.red(`${formatCount(totals[key])} ${TROUBLE_WORDS[key]}`)).join(', ');
}

/** Totals come before the shares of the workers that make them up (`mailboxes#0`), and say more. */
function longestQueue({ server }: TimelineSample): [string, number] {
  let longest: [string, number] = ['', 0];
  for (const [name, length] of Object.entries(server?.queues ?? {})) {
    if (longest[0] === '' || length > longest[1]) longest = [name, length];
  }
  return longest;
}
