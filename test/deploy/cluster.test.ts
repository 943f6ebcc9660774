import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadScenario } from '../../scenarios/load.js';
import { type Host, Network } from '../hosts/network.js';
import { describeHosts } from '../hosts/rights.js';
import { testFolder } from '../support/folder.js';
import { blocksUnder } from '../support/markdown-blocks.js';
import type { RunningCommand } from '../support/running-command.js';
import { natsConfigOf } from './chart-values.js';
import { type Container, type Manifest, manifests, podOf } from './manifests.js';

const SECRETS: Record<string, string> = {
  'c2m-nats/password': 'p3e5',
  'c2m-server/token': 'sixteen-letters-or-more',
};
/** What a quick test has of the scenario of a cluster. */
const SMALL = [
  'clients.count=300',
  'clients.connectTimeout=60s',
  'agents.atLeast=2',
  'phases.talk.duration=1s',
  'phases.talk.rate=200/s',
  'generator.lagLimit=30s',
  'gates=["connections.peak == 300","messages.lost == 0"]',
];

function manifest(kind: string, name: string): Manifest {
  const found = manifests().find((each) => each.kind === kind && each.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

test('the scenario of the cluster is one that the lab takes', async () => {
  const file = join(testFolder(), 'scenario.yaml');
  writeFileSync(file, manifest('ConfigMap', 'c2m-scenario').data?.['scenario.yaml'] ?? '');
  const { scenario } = await loadScenario(file);
  const { spec } = manifest('Job', 'c2m-agents');
  expect(scenario.agents.atLeast).toBe(spec.completions);
});

test('the guide chooses machines in words that a scenario takes', async () => {
  const [, block] = blocksUnder(readFileSync('docs/machines.md', 'utf8'), 'Five machines');
  const file = join(testFolder(), 'scenario.yaml');
  writeFileSync(
    file,
    `name: five\ntarget: embedded\nclients: { count: 10 }\n${block?.text}phases:\n  - { name: talk, duration: 1s, rate: 1/s }\n`,
  );
  const { scenario } = await loadScenario(file);
  expect(scenario.agents).toMatchObject({ hosts: 'all', atLeast: 5, labels: ['lab'], lost: 'invalidate' });
});

/** Runs what the containers of manifests run, each on a host of its own, with folders for what they mount. */
class Cluster {
  readonly network = new Network();
  readonly folder = testFolder();
  readonly #hosts = new Map<string, Host>();

  /** @param name by which others find it, as a Service is found */
  host(name: string): Host {
    const host = this.network.host(name);
    this.#hosts.set(name, host);
    return host;
  }

  start(host: Host, kind: string, name: string, ...more: string[]): RunningCommand {
    const [container] = podOf(manifest(kind, name))?.containers ?? [];
    const { command = ['node', '/c2m/dist/cli/c2m.js'], args = [], env = [] } = container as Container;
    const variables = env.map(({ name: variable, value, valueFrom }) => {
      const { secretKeyRef } = valueFrom ?? {};
      return [variable, value ?? SECRETS[`${secretKeyRef?.name}/${secretKeyRef?.key}`]] as const;
    });
    const expanded = args.map((arg) =>
      variables.reduce((text, [variable, value]) => text.replaceAll(`$(${variable})`, value ?? ''), arg),
    );
    return host.start([
      'env',
      ...variables.map(([variable, value]) => `${variable}=${value}`),
      `PATH=${dirname(process.execPath)}:${process.env.PATH}`,
      ...command.map((word) => word.replace(/(?<=^|\s)\/c2m\b/, resolve('.'))),
      ...expanded.map((arg) => this.here(arg)),
      ...more,
    ]);
  }

  /** A text with the addresses of this network for its names, and with folders of this test for those that are mounted. */
  here(text: string): string {
    let here = text.replace(/^\/(secret|data|scenario|records)\b/, `${this.folder}/$1`);
    for (const [name, { address }] of this.#hosts)
      here = here.replace(new RegExp(`(?<=^|[/ [])${name}(?=$|:\\d|\\])`, 'gm'), address);
    return here;
  }
}

describeHosts('a cluster', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster();
  });

  afterEach(() => cluster.network.clean());

  async function said(command: RunningCommand, pattern: RegExp): Promise<void> {
    await vi.waitFor(() => expect(command.words()).toMatch(pattern), { timeout: 90_000, interval: 50 });
  }

  test('what the manifests run finds each other: a server, two agents, and a run; an agent that is told to end is no success', async () => {
    const [server, nats] = [cluster.host('c2m-server'), cluster.host('nats')];
    for (const name of ['secret', 'data', 'scenario', 'records']) mkdirSync(join(cluster.folder, name));
    writeFileSync(join(cluster.folder, 'secret/token'), SECRETS['c2m-server/token'] ?? '');
    const scenario = manifest('ConfigMap', 'c2m-scenario').data?.['scenario.yaml'] ?? '';
    writeFileSync(join(cluster.folder, 'scenario/scenario.yaml'), cluster.here(scenario));
    const { config, variables } = natsConfigOf('deploy/kubernetes/nats-values.yaml');
    writeFileSync(join(cluster.folder, 'nats.conf'), config);
    const passwords = variables.map((variable) => `${variable}=${SECRETS['c2m-nats/password']}`);
    await said(
      nats.start(['env', ...passwords, 'nats-server', '--config', join(cluster.folder, 'nats.conf')]),
      /Server is ready/,
    );
    await said(cluster.start(server, 'Deployment', 'c2m-server'), /listening/);
    const agents: RunningCommand[] = [];
    for (const index of [0, 1]) {
      const agent = cluster.start(
        cluster.host(`agents-${index}`),
        'Job',
        'c2m-agents',
        '--name',
        `c2m-agents-${index}`,
      );
      await said(agent, /lends/);
      agents.push(agent);
    }

    const sets = SMALL.flatMap((each) => ['--set', each]);
    const run = await cluster.start(cluster.host('coordinator'), 'Job', 'c2m-run', ...sets).ended;
    expect(run.stderr + run.stdout).toContain('PASSED');
    expect(run.status).toBe(0);
    const record = JSON.parse(readFileSync(join(cluster.folder, 'records/run/run.json'), 'utf8'));
    expect(record).toMatchObject({ verdict: 'passed', connections: { peak: 300 }, messages: { lost: 0 } });

    // Another node takes over what was to run on one that is drained: a pod that ended with 0 would be done.
    const [drained] = agents;
    drained?.kill('SIGTERM');
    expect((await drained?.ended)?.status).toBe(1);
    expect(drained?.words()).toContain('does not lend');
  }, 300_000);
});
