import type { Command } from 'commander';
import { InputError } from '../record/input-error.js';
import { type NatsFlags, natsIdentity, natsOptions } from './nats-options.js';
import { collect } from './repeatable-option.js';

/** What commander makes of the options below. */
export interface ClusterFlags extends NatsFlags {
  cluster?: string[];
  clusterName?: string;
  node?: string;
  homes?: string;
  replicas?: string;
}

type Settings = Record<string, unknown>;

/** Adds the options of a server that is a node of a cluster; `withCluster` reads them. */
export function clusterOptions(command: Command): Command {
  command
    .option(
      '--cluster <url>',
      'be a node of a cluster: its NATS with JetStream, nats://host:port or tls://host:port; several with commas between, or repeated',
      collect,
    )
    .option('--cluster-name <name>', 'apart from other clusters on the same NATS (default: c2m)')
    .option('--node <name>', 'name of this node (default: of this machine)')
    .option('--homes <n>', 'homes of the cluster, the same on all nodes, fixed when it is made (default: 64)')
    .option('--replicas <n>', 'servers of NATS that keep each log: 1, 3 or 5 (default: 3)');
  return natsOptions(command, false);
}

/**
 * Lays the flags over `cluster` of the settings; they stay as they are where neither speaks of a cluster.
 * @throws InputError for flags of a cluster where there is none
 */
export function withCluster(settings: Settings, flags: ClusterFlags): Settings {
  const servers = flags.cluster?.flatMap((list) => list.split(',')).map((url) => url.trim());
  const said = defined({
    name: flags.clusterName,
    node: flags.node,
    homes: numberOf(flags.homes),
    replicas: numberOf(flags.replicas),
  });
  const before = settings.cluster as Settings | null | undefined;
  if (!servers && !before) {
    const [flag] = Object.keys(said);
    if (flag === undefined) return settings;
    throw new InputError(
      `--${flag === 'name' ? 'cluster-name' : flag} is for a node of a cluster; say where its NATS is: --cluster nats://host:4222`,
    );
  }
  const nats = { ...(before?.nats as Settings | undefined), ...defined({ servers, ...natsIdentity(flags) }) };
  return { ...settings, cluster: { ...before, ...said, nats } };
}

/** Without what was not said, which would hide what is in the file. */
function defined(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
