import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { OperatedCluster } from '../lab/cluster/operated-cluster.js';
import type { DrainFollower } from '../lab/cluster/wishes.js';
import { InputError } from '../record/input-error.js';
import { printable, printableData, printableJson } from '../record/printable.js';
import { plural } from '../reports/format.js';
import { type ClusterPlaceFlags, clusterPlaceOptions, readClusterPlace } from './cluster-options.js';
import { statusText } from './cluster-status-text.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { listenForInterrupts } from './interrupts.js';
import { progressLine } from './progress-line.js';

/** Between two looks, from which the cores and queues of the nodes follow. */
const LOOK_APART_MS = 1000;
/** Between the end of a drained node's last process and that of the wish lies one write to the table. */
const FORGETS_WITHIN_MS = 10_000;

interface WishFlags extends ClusterPlaceFlags {
  undo?: true;
  wait: boolean;
}

export function clusterCommand(finish: Finish): Command {
  const command = new Command('cluster')
    .description(
      'Looks after a cluster of reference servers, over its NATS: from any machine that may use that.',
    )
    .addHelpText(
      'after',
      `
Examples:
  c2m cluster status --cluster nats://10.0.0.5:4222
  c2m cluster drain node-2 --cluster nats://10.0.0.5:4222     # it hands its homes over, and ends
  c2m cluster move 17 node-1 --cluster nats://10.0.0.5:4222   # and it stays there, until --undo
  C2M_NATS=nats://10.0.0.5:4222 c2m cluster status --json
`,
    );
  const status = new Command('status')
    .description('Says of each node what it has and how it is, and which homes are not served.')
    .option('--json', 'print JSON and nothing else')
    .action(async (flags: ClusterPlaceFlags & { json?: true }) => {
      finish(await withCluster(flags, (cluster) => showStatus(cluster, flags.json ?? false)));
    })
    .addHelpText('after', '\nExit status: 0 every home is open, 1 one is not, or the cluster is not there\n');
  const drain = new Command('drain')
    .description(
      'Has a node hand its homes over to the others, a few at a time, and then end its process with status 0. Its clients come to another node.',
    )
    .argument('<node>', 'name of the node')
    .option('--undo', 'it takes homes again, where it has not gone yet')
    .option('--no-wait', 'write what is wanted, and do not wait until it is done')
    .action(async (node: string, flags: WishFlags) => {
      finish(await withCluster(flags, (cluster) => drainNode(cluster, node, flags)));
    });
  const move = new Command('move')
    .description('Has a home go to a node, and stay there for as long as that node is there.')
    .argument('<home>', 'number of the home')
    .argument('[node]', 'name of the node')
    .option('--undo', 'it is a home like any other again')
    .option('--no-wait', 'write what is wanted, and do not wait until it is done')
    .action(async (home: string, node: string | undefined, flags: WishFlags) => {
      const number = /^\d{1,6}$/.test(home) ? Number(home) : Number.NaN;
      if (Number.isNaN(number)) throw new InputError(`"${home}" is no home; write its number, such as 17`);
      finish(await withCluster(flags, (cluster) => moveHome(cluster, number, node, flags)));
    });
  for (const part of [status, drain, move]) command.addCommand(clusterPlaceOptions(part, true));
  return command;
}

async function withCluster(
  flags: ClusterPlaceFlags,
  act: (cluster: OperatedCluster) => Promise<ExitStatus>,
): Promise<ExitStatus> {
  const place = readClusterPlace(flags);
  // Only who speaks to NATS loads what that needs.
  const { OperatedCluster } = await import('../lab/cluster/operated-cluster.js');
  const cluster = await OperatedCluster.open(place);
  try {
    return await act(cluster);
  } finally {
    await cluster.close();
  }
}

async function showStatus(cluster: OperatedCluster, isJson: boolean): Promise<ExitStatus> {
  const { clusterStatus } = await import('../lab/cluster/cluster-status.js');
  const before = await cluster.stats();
  await sleep(LOOK_APART_MS);
  const status = clusterStatus(cluster.name, cluster.table.state, before, await cluster.stats());
  process.stdout.write(isJson ? `${printableJson(status, 2)}\n` : statusText(printableData(status)));
  return status.isServed ? ExitStatus.Passed : ExitStatus.Incomplete;
}

async function drainNode(
  cluster: OperatedCluster,
  node: string,
  { undo, wait }: WishFlags,
): Promise<ExitStatus> {
  const { followDrain, hasTaker, undoDrain, wishDrain } = await import('../lab/cluster/wishes.js');
  const { table } = cluster;
  if (undo) {
    await undoDrain(table, node);
    say(`${node} is not drained any more: it takes homes, once it is there`);
    return ExitStatus.Passed;
  }
  await wishDrain(table, node);
  if (!wait) {
    say(
      `${node} hands its homes over, says goodbye to its clients and ends; c2m cluster status says how far it is`,
    );
    return ExitStatus.Passed;
  }
  const stepIn = followDrain(node);
  const isOver = await waitFor(cluster, (state) => {
    const now = stepIn(state);
    switch (now.step) {
      case 'homes': {
        const nobody = hasTaker(state, node)
          ? ''
          : ': no other node takes any, so they stay; start one, or write --undo';
        return `${node} has ${plural(now.homes, 'home')} left${nobody}`;
      }
      case 'opening':
        // Whoever drains one node after the other would else take the next before these are served.
        return `${plural(now.homes, 'home')} of ${node} not open elsewhere yet`;
      case 'leaving':
        return `${node} says goodbye to its clients`;
      default:
        return null;
    }
  });
  if (!isOver) {
    say(`${node} goes on being drained; c2m cluster drain ${node} --undo ends that`);
    return ExitStatus.Interrupted;
  }
  return endOfDrain(cluster, node, stepIn);
}

/** The node takes the wish back when all of it has left, a moment behind its last process. */
async function endOfDrain(
  { table }: OperatedCluster,
  node: string,
  stepIn: DrainFollower,
): Promise<ExitStatus> {
  await table.until((state) => stepIn(state).step !== 'gone', AbortSignal.timeout(FORGETS_WITHIN_MS));
  const { step } = stepIn(table.state);
  if (step === 'gone') {
    say(
      `${node} has gone without a word to its clients, killed perhaps; its homes are open elsewhere. Before it is started again, ` +
        `write c2m cluster drain ${node} --undo, or it leaves at once`,
    );
    return ExitStatus.Incomplete;
  }
  if (step === 'undone') {
    say(`${node} is not drained: somebody has taken that back`);
    return ExitStatus.Incomplete;
  }
  say(
    `${node} is drained: its homes are open elsewhere, it has said goodbye to its clients, and ends with status 0; started again, it takes homes`,
  );
  return ExitStatus.Passed;
}

async function moveHome(
  cluster: OperatedCluster,
  home: number,
  node: string | undefined,
  { undo, wait }: WishFlags,
): Promise<ExitStatus> {
  const { isOpenAt, undoMove, wishMove } = await import('../lab/cluster/wishes.js');
  const { table } = cluster;
  if (undo) {
    await undoMove(table, home);
    say(`home ${home} is a home like any other again`);
    return ExitStatus.Passed;
  }
  if (node === undefined) throw new InputError(`where is home ${home} to go? Write the name of a node`);
  await wishMove(table, home, node);
  if (!wait) {
    say(`home ${home} goes to ${node}; c2m cluster status says how far it is`);
    return ExitStatus.Passed;
  }
  const isDone = await waitFor(cluster, (state) => {
    if (isOpenAt(state, home, node)) return null;
    const owner = state.peers.find(({ number }) => number === state.homes[home]?.owner)?.node ?? 'nobody';
    return `home ${home} is at ${owner}, ${state.homes[home]?.state}`;
  });
  if (isDone)
    say(`home ${home} is open at ${node}, and stays there; c2m cluster move ${home} --undo ends that`);
  else say(`home ${home} goes on to ${node}; c2m cluster move ${home} --undo ends that`);
  return isDone ? ExitStatus.Passed : ExitStatus.Interrupted;
}

/**
 * Waits until there is nothing left to say, and says it meanwhile.
 * @returns false: whoever has asked does not want to wait any longer
 */
async function waitFor(
  { table }: OperatedCluster,
  left: (state: OperatedCluster['table']['state']) => string | null,
): Promise<boolean> {
  const interrupts = listenForInterrupts({ hangup: true });
  const line = progressLine(process.stderr);
  try {
    return await table.until((state) => {
      const words = left(state);
      if (words !== null) line.show(printable(words));
      return words === null;
    }, interrupts.signal);
  } finally {
    line.end();
    interrupts.release();
  }
}

function say(words: string): void {
  process.stdout.write(`${printable(words)}\n`);
}
