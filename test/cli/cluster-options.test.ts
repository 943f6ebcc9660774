import { Command } from 'commander';
import { expect, test } from 'vitest';
import { type ClusterFlags, clusterOptions, withCluster } from '../../cli/cluster-options.js';
import { parseServerConfig } from '../../server/config.js';

/** What the options of a command line make of the settings of a file. */
function clusterOf(argv: string[], file: Record<string, unknown> = {}) {
  const command = clusterOptions(new Command('serve')).exitOverride();
  const flags = command.parse(argv, { from: 'user' }).opts<ClusterFlags>();
  return parseServerConfig(withCluster(file, flags)).cluster;
}

test('servers of NATS are given with commas, or one by one', () => {
  const servers = ['nats://one:4222', 'nats://two:4222', 'nats://three:4222'];
  expect(clusterOf(['--cluster', servers.join(',')])?.nats.servers).toEqual(servers);
  expect(clusterOf(servers.flatMap((server) => ['--cluster', server]))?.nats.servers).toEqual(servers);
});

test('flags of a cluster reach its settings', () => {
  const flags = ['--cluster-name', 'trial', '--node', 'node-7', '--homes', '16', '--replicas', '1'];
  const who = ['--nats-user', 'lab', '--nats-password', 's3cret', '--nats-ca', 'ca.pem'];
  expect(clusterOf(['--cluster', 'tls://one:4222', ...flags, ...who])).toMatchObject({
    name: 'trial',
    node: 'node-7',
    homes: 16,
    replicas: 1,
    nats: { servers: ['tls://one:4222'], user: 'lab', password: 's3cret', caFile: 'ca.pem' },
  });
});

test('flags win over the file, and what they do not say stays as it is there', () => {
  const file = { cluster: { name: 'chat', homes: 8, nats: { servers: ['nats://one:4222'], user: 'lab' } } };
  expect(clusterOf(['--homes', '32', '--nats-password', 's3cret'], file)).toMatchObject({
    name: 'chat',
    homes: 32,
    nats: { servers: ['nats://one:4222'], user: 'lab', password: 's3cret' },
  });
});

test('who this is at NATS makes no cluster', () => {
  expect(clusterOf(['--nats-user', 'lab'])).toBeNull();
});

test('a flag that only a cluster knows is refused without one', () => {
  expect(() => clusterOf(['--cluster-name', 'trial'])).toThrow(/^--cluster-name is for a node of a cluster/);
});
