import { type Command, Option } from 'commander';
import type { ClusterPlace } from '../lab/cluster/operated-cluster.js';
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

/** What commander makes of the options that say which cluster is meant. */
export interface ClusterPlaceFlags extends NatsFlags {
  cluster?: string[];
  clusterName?: string;
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
  const servers = serversOf(flags);
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

/**
 * Adds the options that say which cluster is meant; `readClusterPlace` reads them.
 * @param isAlways false for a command that is about one server where they are not given: then C2M_NATS says nothing
 */
export function clusterPlaceOptions(command: Command, isAlways: boolean): Command {
  const where = new Option(
    '--cluster <url>',
    'NATS of the cluster: nats://host:port or tls://host:port; several with commas between, or repeated',
  ).argParser(collect);
  command
    .addOption(isAlways ? where.env('C2M_NATS') : where)
    .option('--cluster-name <name>', 'which of the clusters on that NATS (default: c2m)');
  return natsOptions(command, false);
}

/** @throws InputError where nothing says where the cluster is */
export function readClusterPlace(flags: ClusterPlaceFlags): ClusterPlace {
  const servers = serversOf(flags);
  if (!servers)
    throw new InputError(
      '--cluster is missing: where is the NATS of the cluster? Write --cluster nats://host:4222, or set C2M_NATS',
    );
  return { nats: { servers, ...natsIdentity(flags) }, name: flags.clusterName ?? 'c2m' };
}

function serversOf({ cluster }: { cluster?: string[] }): string[] | undefined {
  return cluster?.flatMap((list) => list.split(',')).map((url) => url.trim());
}

/** Without what was not said, which would hide what is in the file. */
function defined(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
