import chalk from 'chalk';
import { lastSampleMs, queueLags, secondsBetween } from '../lab/queue-lags.js';
import type { ServerStats } from '../protocol/stats.js';
import { formatBytes, formatCount, formatMilliseconds, plural } from '../reports/format.js';
import { cutLine, filledLines } from './line-width.js';
import type { Room } from './redrawn-screen.js';

/** Of many workers, those whose queues are longest. */
const QUEUES_SHOWN = 20;
const WORKERS_SHOWN = 12;
/** Empty lines, the heads of the columns, and how many queues are not shown. */
const FRAMING_ROWS = 4;
const GAP = '   ';
const NAME_COLUMNS = 20;
/** What the figures of a queue take beside its name, an alert included. */
const FIGURE_COLUMNS = 60;

/** What a server did between two answers of `/stats`, as lines for a terminal. */
export function topRows(before: ServerStats, now: ServerStats, { columns, rows }: Room): string[] {
  const seconds = secondsBetween(before, now);
  const head = [
    ...filledLines(headWords(now), GAP, columns),
    ...filledLines(counterWords(before, now, seconds), GAP, columns),
  ];
  // Of a low terminal the queues get what the others leave, and those get no more than half of it.
  const workers = workerLines(
    before,
    now,
    seconds,
    Math.min(WORKERS_SHOWN, Math.max(1, Math.floor(rows / 4))),
  );
  const roomForQueues = rows - head.length - workers.length - FRAMING_ROWS;
  const queuesShown = Math.min(QUEUES_SHOWN, Math.max(1, roomForQueues));
  const queues = queueLines(before, now, { columns, rows: queuesShown });
  return [...head, '', ...queues, '', ...workers];
}

function headWords(now: ServerStats): string[] {
  const { store, handlers, restarts } = now;
  const minutes = Math.floor((lastSampleMs(now) - now.startedAtMs) / 60_000);
  return [
    `c2m ${now.version}, up ${formatCount(minutes)} min`,
    `${formatCount(now.connections)} connections`,
    `${formatCount(store.items)} items in ${store.kind}${store.diskBytes > 0 ? `, ${formatBytes(store.diskBytes)}` : ''}`,
    `handlers ${handlers.version}`,
    restarts.length > 0 ? chalk.yellow(plural(restarts.length, 'restart')) : 'no restart',
  ];
}

function counterWords(before: ServerStats, now: ServerStats, seconds: number): string[] {
  const names = ['logins', 'accepted', 'delivered', 'acknowledged', 'refused'] as const;
  return names.map((name) => `${name} ${perSecond((now.counters[name] - before.counters[name]) / seconds)}`);
}

/** @param room of which `rows` is how many queues are shown */
function queueLines(before: ServerStats, now: ServerStats, room: Room): string[] {
  const rows = queueLags(before, now);
  // The figures are what it is about: a name that would push them out of sight is cut.
  const widestName = Math.max(NAME_COLUMNS / 2, room.columns - FIGURE_COLUMNS);
  const nameColumns = Math.min(NAME_COLUMNS, widestName);
  const lines = rows.slice(0, room.rows).map((row) => {
    const words = [
      cutLine(row.name, widestName).padEnd(nameColumns),
      formatCount(row.length).padStart(9),
      formatMilliseconds(row.behindMs).padStart(9),
      perSecond(row.arrivedPerSecond).padStart(11),
      perSecond(row.servedPerSecond).padStart(11),
      formatCount(row.max).padStart(9),
    ].join(' ');
    return row.isAlerting ? chalk.red(`${words} ALERT`) : row.behindMs > 0 ? words : chalk.dim(words);
  });
  const head = `${'queue'.padEnd(nameColumns)} ${'length'.padStart(9)} ${'behind'.padStart(9)} ${'in'.padStart(11)} ${'out'.padStart(11)} ${'highest'.padStart(9)}`;
  const rest = rows.length - room.rows;
  return [chalk.bold(head), ...lines, ...(rest > 0 ? [chalk.dim(`and ${rest} shorter ones`)] : [])];
}

function workerLines(before: ServerStats, now: ServerStats, seconds: number, shown: number): string[] {
  const rows = now.workers.map((worker) => {
    const earlier = before.workers.find(({ pid }) => pid === worker.pid);
    return { ...worker, cores: earlier ? (worker.cpuSeconds - earlier.cpuSeconds) / seconds : 0 };
  });
  const lines = rows
    .sort((one, other) => other.cores - one.cores)
    .slice(0, shown)
    .map((row) =>
      [
        `worker ${row.worker}`.padEnd(9),
        `pid ${row.pid}`.padEnd(11),
        `${formatCount(row.connections)} open`.padStart(14),
        `${Math.round(row.cores * 100)} % of a core`.padStart(15),
        formatBytes(row.privateBytes).padStart(9),
        `lag p99 ${formatMilliseconds(row.eventLoopLagP99Ms)}`.padStart(15),
      ].join(' '),
    );
  const rest = rows.length - shown;
  return rest > 0 ? [...lines, chalk.dim(`and ${rest} less busy ones`)] : lines;
}

export function perSecond(rate: number): string {
  return `${formatCount(Math.round(rate))}/s`;
}
