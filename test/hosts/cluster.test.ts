import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterHosts, type Load, type Placed } from './cluster-hosts.js';
import { recordIn } from './lab.js';
import { describeHosts } from './rights.js';
import { until } from './until.js';

/** Messages of each test; `C2M_CLUSTER_MESSAGES=100000` for the whole measure. */
const MESSAGES = Number(process.env.C2M_CLUSTER_MESSAGES ?? 660);
const IS_WHOLE = MESSAGES > 10_000;
/** A third of the clients, and of what is said, is at the node that fails, and for as long as it is away. */
const LOAD: Load = IS_WHOLE
  ? { machines: 2, clients: 200, churn: '5/s', messagesPerSecond: 1500 }
  : { machines: 1, clients: 60, churn: '3/s', messagesPerSecond: 60 };
const SECONDS = Math.ceil(MESSAGES / LOAD.messagesPerSecond);
/** Where nothing happens there is nothing to talk through. */
const CALM_SECONDS = IS_WHOLE ? SECONDS : 4;
/** Longer than a lease: whoever is silent so long has lost its homes. */
const PAST_A_LEASE_MS = 6000;

describeHosts('a cluster of three nodes and three nats-servers', () => {
  let hosts: ClusterHosts;
  beforeAll(async () => {
    hosts = await ClusterHosts.start(LOAD);
  });
  afterAll(() => hosts?.close());

  /** Talks over the cluster while something happens to it: the ledger has to be clean, and everything serves again. */
  async function keepsItsPromises(fault: () => Promise<void>, seconds = SECONDS): Promise<void> {
    const run = await hosts.startRun(seconds);
    await run.command.said(/\d s +talk/);
    await fault();
    const outcome = await run.outcome;
    const record = recordIn(outcome);
    const { lost, duplicated, outOfOrder, corrupted, accepted } = record.messages;
    expect({ lost, duplicated, outOfOrder, corrupted }, outcome.stdout).toEqual({
      lost: 0,
      duplicated: 0,
      outOfOrder: 0,
      corrupted: 0,
    });
    // A run that could send nothing would lose nothing.
    expect(accepted).toBeGreaterThan((LOAD.messagesPerSecond * seconds) / 2);
    await hosts.whenServed();
  }

  const wait = (ms: number) => until(Date.now() + ms);
  const at = <Item>(items: readonly Item[], index: number): Item => items[index] as Item;

  async function killed(...those: Placed[]): Promise<void> {
    await Promise.all(those.map((each) => each.kill()));
    await wait(PAST_A_LEASE_MS);
    await Promise.all(those.map((each) => each.start()));
  }

  test('loses nothing where nothing happens', () => keepsItsPromises(async () => undefined, CALM_SECONDS));

  test('loses nothing when a node is killed', () => keepsItsPromises(() => killed(at(hosts.nodes, 0))));

  test('loses nothing when a nats-server is killed', () => keepsItsPromises(() => killed(at(hosts.nats, 0))));

  test('loses nothing when a node and a nats-server are killed at once', () =>
    keepsItsPromises(() => killed(at(hosts.nodes, 1), at(hosts.nats, 1))));

  test('loses nothing when a node is cut from NATS and not from its clients, who go elsewhere', async () => {
    const node = at(hosts.nodes, 2);
    await keepsItsPromises(async () => {
      hosts.cutFromNats(node);
      await expect.poll(() => hosts.stats(node).connections, { timeout: 30_000 }).toBe(0);
      await wait(PAST_A_LEASE_MS);
      hosts.joinToNats(node);
    });
  });

  test('refuses what a node appends that was stopped past its lease, and loses nothing', async () => {
    const node = at(hosts.nodes, 0);
    await keepsItsPromises(async () => {
      node.stop();
      await hosts.whenServed(hosts.nodes.slice(1));
      await wait(PAST_A_LEASE_MS);
      node.goOn();
      await expect.poll(() => node.words(), { timeout: 30_000 }).toMatch(/is kept here no longer/);
    });
  });

  test('loses nothing when everything is killed and started again', () =>
    keepsItsPromises(() => killed(...hosts.nodes, ...hosts.nats)));

  test('loses nothing when each node is drained and replaced in turn', () =>
    keepsItsPromises(async () => {
      for (const node of hosts.nodes) {
        await node.end();
        await node.start();
        await hosts.whenServed();
      }
    }));
});
