import { Command } from 'commander';
import { reloadServer } from '../lab/admin-client.js';
import { InputError } from '../record/input-error.js';
import { printable, printableData, printableLines } from '../record/printable.js';
import { type ClusterPlaceFlags, clusterPlaceOptions, readClusterPlace } from './cluster-options.js';
import { ExitStatus, type Finish } from './exit-status.js';

export const DEFAULT_ADMIN_URL = 'http://127.0.0.1:9464';

export function reloadCommand(finish: Finish): Command {
  const command = new Command('reload')
    .description(
      'Replaces the code that handles clients in every worker of a running server, while its clients stay connected. ' +
        'A version that cannot be loaded, or fails its check, is refused: the one before stays in force.',
    )
    .argument('[url]', `admin port of the server (default: ${DEFAULT_ADMIN_URL})`);
  return clusterPlaceOptions(command, false)
    .addHelpText(
      'after',
      `
The server loads the file that its configuration names (handlers: file), or the shipped handlers. SIGHUP does the same.
With --cluster all nodes of a cluster do so, or none: each tries what is in its file first.

Examples:
  c2m reload
  c2m reload http://127.0.0.1:9465
  c2m reload --cluster nats://10.0.0.5:4222
`,
    )
    .action(async (url: string | undefined, flags: ClusterPlaceFlags) => {
      if (flags.cluster && url !== undefined)
        throw new InputError(`${url} is one server, and --cluster is all of a cluster: write one of them`);
      finish(flags.cluster ? await reloadAll(flags) : await reloadOne(url ?? DEFAULT_ADMIN_URL));
    });
}

async function reloadOne(url: string): Promise<ExitStatus> {
  const answer = await reloadServer(url);
  if ('version' in answer) {
    process.stdout.write(`version ${printable(answer.version)} is in force\n`);
    return ExitStatus.Passed;
  }
  process.stderr.write(`error: ${printableLines(answer.error)}\n`);
  return ExitStatus.Incomplete;
}

async function reloadAll(flags: ClusterPlaceFlags): Promise<ExitStatus> {
  const place = readClusterPlace(flags);
  // Only who speaks to NATS loads what that needs.
  const { OperatedCluster } = await import('../lab/cluster/operated-cluster.js');
  const { reloadCluster } = await import('../lab/cluster/reload-cluster.js');
  const cluster = await OperatedCluster.open(place);
  try {
    const outcome = printableData(await reloadCluster(cluster));
    if (outcome.kind === 'refused') {
      process.stderr.write(
        `error: the handlers before stay in force at every node\n${outcome.reasons.map((reason) => `  ${reason}\n`).join('')}`,
      );
      return ExitStatus.Incomplete;
    }
    process.stdout.write(
      `version ${outcome.version} is in force at ${outcome.nodes.join(', ') || 'no node'}\n`,
    );
    if (outcome.kind === 'done') return ExitStatus.Passed;
    process.stderr.write(
      `error: not at every node; reload again\n${outcome.reasons.map((reason) => `  ${reason}\n`).join('')}`,
    );
    return ExitStatus.Incomplete;
  } finally {
    await cluster.close();
  }
}
