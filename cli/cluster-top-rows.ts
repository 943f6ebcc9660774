import chalk from 'chalk';
import { type ClusterStatus, clusterStatus, type NodeStatus } from '../lab/cluster/cluster-status.js';
import type { TableState } from '../lab/cluster/cluster-table.js';
import { lastSampleMs, secondsBetween } from '../lab/queue-lags.js';
import type { OpenedHome, ServerStats } from '../protocol/stats.js';
import { formatBytes, formatCount, formatMilliseconds, NOT_MEASURED, plural } from '../reports/format.js';
import { homeWords } from './cluster-status-text.js';
import { cutLine, filledLines } from './line-width.js';
import type { Room } from './redrawn-screen.js';
import { perSecond } from './top-rows.js';

/** One look at a cluster: its table, and what the nodes that answer say of themselves. */
export interface ClusterLook {
  name: string;
  state: TableState;
  stats: ReadonlyMap<string, ServerStats>;
}

const GAP = '   ';
const NAME_COLUMNS = 16;
const HEAD = ['node', 'open', 'homes', 'messages', 'turns', 'log behind', 'bus'] as const;
const WIDTHS = [NAME_COLUMNS, 9, 6, 11, 6, 10, 10];
const ROWS_OF_NODE = 2;
/** Empty line, head of the columns, and how many nodes are not shown. */
const FRAMING_ROWS = 3;

/** What a cluster did between two looks, as lines for a terminal; that node first whose longest queue is furthest behind. */
export function clusterTopRows(before: ClusterLook, now: ClusterLook, { columns, rows }: Room): string[] {
  const status = statusOf(before, now);
  const head = filledLines(headWords(status, before, now), GAP, columns);
  const shown = Math.max(1, Math.floor((rows - head.length - FRAMING_ROWS) / ROWS_OF_NODE));
  const nodes = status.nodes.sort((one, other) => behindMs(other) - behindMs(one));
  const lines = nodes
    .slice(0, shown)
    .flatMap((node) => nodeLines(node, before.stats.get(node.node), now.stats.get(node.node)));
  const rest = nodes.length - shown;
  return [
    ...head,
    '',
    chalk.bold(columned(HEAD)),
    ...lines,
    ...(rest > 0 ? [chalk.dim(`and ${plural(rest, 'node')} more`)] : []),
  ];
}

/** The same for programs. */
export function clusterTopData(before: ClusterLook, now: ClusterLook): object {
  return { ...statusOf(before, now), stats: Object.fromEntries(now.stats) };
}

function statusOf(before: ClusterLook, now: ClusterLook): ClusterStatus {
  return clusterStatus(now.name, now.state, before.stats, now.stats);
}

function headWords({ name, nodes, homes }: ClusterStatus, before: ClusterLook, now: ClusterLook): string[] {
  const all = (counter: 'accepted' | 'delivered' | 'refused'): string => {
    let sum = 0;
    for (const [node, stats] of now.stats) sum += rateOf(counter, before.stats.get(node), stats);
    return `${counter} ${perSecond(sum)}`;
  };
  return [
    `cluster ${name}`,
    plural(nodes.length, 'node'),
    `${plural(homes.all, 'home')}: ${homeWords(homes)}`,
    ...(['accepted', 'delivered', 'refused'] as const).map(all),
  ];
}

/** A node that was started again has counted from the beginning. */
function rateOf(
  counter: 'accepted' | 'delivered' | 'refused',
  before: ServerStats | undefined,
  now: ServerStats,
): number {
  if (before?.startedAtMs !== now.startedAtMs) return 0;
  return Math.max(0, now.counters[counter] - before.counters[counter]) / secondsBetween(before, now);
}

function behindMs({ told }: NodeStatus): number {
  // Whoever does not answer is worse than any queue.
  return told ? (told.queue?.behindMs ?? 0) : Number.POSITIVE_INFINITY;
}

function nodeLines(
  node: NodeStatus,
  before: ServerStats | undefined,
  now: ServerStats | undefined,
): string[] {
  const name = cutLine(node.node, NAME_COLUMNS);
  if (!now || !node.told) {
    const cells = [name, NOT_MEASURED, formatCount(node.homes), ...Array<string>(4).fill(NOT_MEASURED)];
    return [columned(cells), `  ${chalk.red('it does not answer')}`];
  }
  const workers = now.cluster?.workers ?? [];
  const sum = (field: 'turnsUnderWay' | 'logBytes' | 'busBytes'): number =>
    workers.reduce((total, worker) => total + worker[field], 0);
  const line = columned([
    name,
    formatCount(now.connections),
    formatCount(node.homes),
    perSecond(rateOf('accepted', before, now)),
    formatCount(sum('turnsUnderWay')),
    formatBytes(sum('logBytes')),
    formatBytes(sum('busBytes')),
  ]);
  const details = [
    queueWords(node.told.queue),
    openedWords(
      workers.flatMap(({ opened }) => opened),
      now,
    ),
  ];
  if (node.isLeaving) details.push(chalk.yellow('it leaves'));
  if (workers.some(({ peer }) => peer === 0)) details.push(chalk.red('it is cut off'));
  return [line, `  ${details.join(GAP)}`];
}

function queueWords(queue: NonNullable<NodeStatus['told']>['queue']): string {
  if (!queue) return chalk.dim('no queue');
  const words = `${queue.name} ${formatCount(queue.length)}, ${formatMilliseconds(queue.behindMs)} behind`;
  return queue.isAlerting ? chalk.red(`${words} ALERT`) : words;
}

function openedWords(opened: readonly OpenedHome[], stats: ServerStats): string {
  let last: OpenedHome | undefined;
  for (const each of opened) if (!last || each.atMs >= last.atMs) last = each;
  if (!last) return chalk.dim('no takeover');
  const how = last.isHandedOn ? 'handed on' : 'taken over';
  const agoSeconds = Math.max(0, Math.round((lastSampleMs(stats) - last.atMs) / 1000));
  return `home ${last.home} ${how} in ${formatMilliseconds(last.tookMs)}, ${agoWords(agoSeconds)} ago`;
}

function agoWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function columned(cells: readonly string[]): string {
  return cells
    .map((cell, column) => {
      const width = WIDTHS[column] as number;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    })
    .join(' ');
}
