import chalk from 'chalk';
import type { ClusterStatus, HomeCounts, NodeStatus, UnservedHome } from '../lab/cluster/cluster-status.js';
import { formatBytes, formatCount, formatMilliseconds, NOT_MEASURED, plural } from '../reports/format.js';
import { alignedRows } from '../reports/terminal.js';

/** Of many homes that are not open so many are named. */
const MOST_UNSERVED = 20;
const HEAD = ['node', 'homes', 'connections', 'longest queue', 'memory', 'CPU', 'c2m', 'bus'];

/** The status of a cluster for people; text in it has to be `printable`. */
export function statusText(status: ClusterStatus): string {
  const { name, replicas, homes, nodes, unserved } = status;
  const lines = [
    `cluster ${chalk.bold(name)}   ${plural(nodes.length, 'node')}   ${plural(homes.all, 'home')}: ${homeWords(homes)}   ${plural(replicas, 'replica')} of each log`,
    '',
    ...nodeLines(nodes),
  ];
  if (unserved.length > 0) lines.push('', ...unservedLines(unserved));
  const wishes = wishLines(status);
  if (wishes.length > 0) lines.push('', ...wishes);
  return `${lines.join('\n')}\n`;
}

export function homeWords({ all, open, opening, moving, withoutOwner, silent }: HomeCounts): string {
  if (open === all) return chalk.green('all are open');
  const words = [
    `${formatCount(open)} open`,
    ...(moving > 0 ? [`${formatCount(moving)} moving`] : []),
    ...(opening > 0 ? [chalk.yellow(`${formatCount(opening)} opening`)] : []),
    ...(withoutOwner > 0 ? [chalk.red(`${formatCount(withoutOwner)} without owner`)] : []),
    ...(silent > 0 ? [chalk.red(`${formatCount(silent)} at nodes that do not answer or are cut off`)] : []),
  ];
  return words.join(', ');
}

function nodeLines(nodes: readonly NodeStatus[]): string[] {
  if (nodes.length === 0) return [chalk.red('no node is there')];
  const worst = worstOf(nodes);
  const rows = alignedRows([HEAD, ...nodes.map(cellsOf)], (cell, row, column) => {
    if (row === 0) return chalk.dim(cell);
    const node = nodes[row - 1] as NodeStatus;
    if (column === 0) return chalk.bold(cell);
    return column === 3 && node.told?.queue?.isAlerting ? chalk.red(cell) : cell;
  });
  return rows
    .flatMap((row, index) => {
      const node = nodes[index - 1];
      return node ? [row, ...detailLines(node)] : [row];
    })
    .concat(worst);
}

function cellsOf({ node, homes, told, bus }: NodeStatus): string[] {
  const versions = bus.oldest === bus.newest ? `${bus.newest}` : `${bus.oldest} to ${bus.newest}`;
  if (!told) return [node, formatCount(homes), ...Array<string>(5).fill(NOT_MEASURED), versions];
  const { version, connections, queue, privateBytes, cores } = told;
  return [
    node,
    formatCount(homes),
    formatCount(connections),
    queue ? `${queue.name} ${formatCount(queue.length)}` : 'none',
    formatBytes(privateBytes),
    `${Math.round(cores * 100)} %`,
    version,
    versions,
  ];
}

function detailLines({ addresses, isLeaving, told, peers }: NodeStatus): string[] {
  const who = `${peers.length === 1 ? 'peer' : 'peers'} ${peers.join(', ')}`;
  return [
    `  ${chalk.dim(`${who}; clients at ${addresses.join(', ')}`)}`,
    ...(told ? [] : [`  ${chalk.red('!')} it does not answer`]),
    ...(told?.isCutOff ? [`  ${chalk.red('!')} it is cut off from the cluster`] : []),
    ...(isLeaving ? [`  ${chalk.yellow('!')} it hands its homes over, and goes`] : []),
  ];
}

/** Which queue of all is furthest behind. */
function worstOf(nodes: readonly NodeStatus[]): string[] {
  let worst: { node: string; name: string; length: number; behindMs: number } | undefined;
  for (const { node, told } of nodes)
    if (told?.queue && told.queue.behindMs > (worst?.behindMs ?? 0)) worst = { node, ...told.queue };
  if (!worst) return [];
  const { node, name, length, behindMs } = worst;
  return [
    '',
    `furthest behind: ${name} of ${node}, ${formatCount(length)} long, ${formatMilliseconds(behindMs)}`,
  ];
}

function unservedLines(unserved: readonly UnservedHome[]): string[] {
  const lines = unserved
    .slice(0, MOST_UNSERVED)
    .map((each) => `home ${each.home}`.padEnd(10) + whereWords(each));
  const rest = unserved.length - MOST_UNSERVED;
  return rest > 0 ? [...lines, chalk.dim(`and ${formatCount(rest)} more`)] : lines;
}

function whereWords({ owner, state, next }: UnservedHome): string {
  switch (state) {
    case 'without owner':
      return chalk.red('nobody has it');
    case 'silent':
      return chalk.red(`${owner} has it, and does not answer or is cut off`);
    case 'opening':
      return `${owner} opens it`;
    case 'moving':
      return `moves from ${owner} to ${next ?? 'nobody who is there'}`;
  }
}

function wishLines({ drains, pins, nodes }: ClusterStatus): string[] {
  const there = new Set(nodes.map(({ node }) => node));
  return [
    ...drains.map(
      (node) =>
        `drain     ${node}${there.has(node) ? '' : `, which is not there: ${chalk.yellow('started again it would leave at once')}`}`,
    ),
    ...pins.map(
      ({ home, node }) =>
        `${`home ${home}`.padEnd(10)}is wanted at ${node}${there.has(node) ? '' : ', which is not there'}`,
    ),
  ];
}
