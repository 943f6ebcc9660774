import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, describe, expect, it } from 'vitest';
import { KvLeaseTable } from '../../../server/cluster/kv-lease-table.js';
import { LeasedMembership } from '../../../server/cluster/leased-membership.js';
import type { HomeKeeper, HomePlace } from '../../../server/cluster/membership.js';
import { drainKey, homeKey, pinKey } from '../../../server/cluster/table-entries.js';
import { FencedError } from '../../../server/store/jetstream/fenced-error.js';
import { type NatsServer, startNatsServer } from '../../support/nats-server.js';

const PATIENT = { timeout: 30_000 };
const LEASE_MS = 1500;
const HOMES = 12;

const connections: NatsConnection[] = [];
const memberships: LeasedMembership[] = [];
afterEach(async () => {
  await Promise.all(memberships.splice(0).map((membership) => membership.close()));
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
});

/** Remembers what it was told to do. */
class RememberingKeeper implements HomeKeeper {
  /** By home, of those that are open. */
  readonly epochs = new Map<number, number>();
  readonly dropped: number[] = [];
  refusal: ((home: number, epoch: number) => Error | undefined) | undefined;

  async open(home: number, epoch: number): Promise<void> {
    const error = this.refusal?.(home, epoch);
    if (error) throw error;
    this.epochs.set(home, epoch);
  }

  async handOver(home: number): Promise<void> {
    this.epochs.delete(home);
  }

  drop(home: number): void {
    this.epochs.delete(home);
    this.dropped.push(home);
  }
}

interface Node {
  readonly membership: LeasedMembership;
  readonly keeper: RememberingKeeper;
  readonly table: KvLeaseTable;
  readonly connection: NatsConnection;
  /** What its listener was told: `up 1`, `down 2`, `moved 3 1 -> 2`, `isolated`. */
  readonly told: string[];
}

async function makeNode(server: NatsServer, node: string, homes = HOMES): Promise<Node> {
  const { host, port } = server.endpoint;
  const connection = await connect({
    servers: `${host}:${port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
  connections.push(connection);
  const log = (): undefined => undefined;
  const table = await KvLeaseTable.open(connection, { cluster: 'test', replicas: 1, log });
  const membership = new LeasedMembership({
    table,
    homes,
    replicas: 1,
    leaseMs: LEASE_MS,
    peer: { node, worker: 0, versions: { oldest: 1, newest: 1 }, addresses: [`c2m://${node}:1`] },
    log,
  });
  const told: string[] = [];
  membership.watch({
    up: ({ number }) => told.push(`up ${number}`),
    down: ({ number }) => told.push(`down ${number}`),
    moved: ({ home, owner }, before) => {
      if (owner !== before.owner) told.push(`moved ${home} ${before.owner} -> ${owner}`);
    },
    isolated: (isIsolated) => told.push(isIsolated ? 'isolated' : 'back'),
  });
  memberships.push(membership);
  return { membership, keeper: new RememberingKeeper(), table, connection, told };
}

async function joinNode(server: NatsServer, node: string): Promise<Node> {
  const made = await makeNode(server, node);
  await made.membership.join(made.keeper);
  return made;
}

/** Each home is open at the one of these that everybody says has it; how many each has. */
async function shares(nodes: readonly Node[]): Promise<number[]> {
  await expect
    .poll(() => {
      const views = nodes.map(({ membership }) => JSON.stringify(membership.homes));
      if (new Set(views).size > 1) return 'not of one mind';
      const wrong = (nodes[0] as Node).membership.homes.find((place) => !isServed(place, nodes));
      return wrong ? JSON.stringify(wrong) : isEven(nodes);
    }, PATIENT)
    .toBe('served and shared out');
  return nodes.map(({ keeper }) => keeper.epochs.size);
}

function isServed({ home, owner, epoch, state }: HomePlace, nodes: readonly Node[]): boolean {
  const servers = nodes.filter(({ keeper }) => keeper.epochs.has(home));
  const [server] = servers;
  return (
    state === 'open' &&
    servers.length === 1 &&
    server?.membership.self.number === owner &&
    server.keeper.epochs.get(home) === epoch
  );
}

function isEven(nodes: readonly Node[]): string {
  const counts = nodes
    .filter(({ membership }) => !membership.self.isLeaving)
    .map(({ keeper }) => keeper.epochs.size);
  const isShared = Math.max(...counts) - Math.min(...counts) <= 1 || hasPins;
  return isShared ? 'served and shared out' : `shared out as ${counts.join(', ')}`;
}

/** What operators want is not even. */
let hasPins = false;
afterEach(() => {
  hasPins = false;
});

const put = (table: KvLeaseTable, key: string, value: unknown): Promise<void> =>
  new Promise((resolve) => table.put(key, value, () => resolve()));
const remove = (table: KvLeaseTable, key: string): Promise<void> =>
  new Promise((resolve) => table.delete(key, undefined, () => resolve()));

describe('peers of a cluster on NATS', () => {
  it('share out the homes, and share them out again as others come and leave', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const first = await joinNode(server, 'ash');
    expect(await shares([first])).toEqual([12]);
    const second = await joinNode(server, 'birch');
    const third = await joinNode(server, 'cedar');
    expect(await shares([first, second, third])).toEqual([4, 4, 4]);
    expect([first, second, third].map(({ membership }) => membership.self.number)).toEqual([1, 2, 3]);
    await second.membership.leave();
    expect(second.keeper.epochs.size).toBe(0);
    // It handed all of them over: nothing was torn from it.
    expect(second.keeper.dropped).toEqual([]);
    expect(await shares([first, third])).toEqual([6, 6]);
    expect(first.membership.takeovers).toEqual([]);
  });

  it('take over what a dead one had, tell its death before that, and how long its homes were away', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const [first, second] = [await joinNode(server, 'ash'), await joinNode(server, 'birch')];
    await shares([first, second]);
    const before = first.told.length;
    await second.connection.close();
    expect(await shares([first])).toEqual([12]);
    const told = first.told.slice(before);
    expect(told[0]).toBe('down 2');
    expect(told.slice(1)).toHaveLength(6);
    for (const words of told.slice(1)) expect(words).toMatch(/^moved \d+ 2 -> 1$/);
    expect(first.membership.takeovers).toHaveLength(6);
    for (const { from, noticedMs, openedMs } of first.membership.takeovers) {
      expect(from).toBe(2);
      expect(noticedMs).toBeGreaterThanOrEqual(LEASE_MS * 0.9);
      expect(openedMs).toBeGreaterThanOrEqual(noticedMs);
    }
  });

  it('drop everything when NATS is gone for longer than a lease, and come in again under another number', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const [first, second] = [await joinNode(server, 'ash'), await joinNode(server, 'birch')];
    await shares([first, second]);
    await server.kill();
    await expect
      .poll(() => [first, second].map(({ told }) => told.includes('isolated')), PATIENT)
      .toEqual([true, true]);
    expect([first, second].map(({ keeper }) => keeper.epochs.size)).toEqual([0, 0]);
    await server.start();
    expect(await shares([first, second])).toEqual([6, 6]);
    const numbers = [first, second].map(({ membership }) => membership.self.number);
    expect(numbers.sort()).toEqual([3, 4]);
    for (const { told } of [first, second])
      expect(told.indexOf('back')).toBeGreaterThan(told.indexOf('isolated'));
  });

  it('refuse whoever has another number of homes, and say what to do', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    await joinNode(server, 'ash');
    const other = await makeNode(server, 'birch', 64);
    await expect(other.membership.join(other.keeper)).rejects.toThrow(
      'the cluster has 12 homes, not 64; their number is fixed when a cluster is made: start with 12 homes, or give this cluster another name',
    );
  });

  it('do what operators want: a node that is drained has no homes, a home that is pinned stays on its node', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const [first, second] = [await joinNode(server, 'ash'), await joinNode(server, 'birch')];
    await shares([first, second]);
    await put(first.table, drainKey('birch'), { node: 'birch' });
    await expect.poll(() => second.keeper.epochs.size, PATIENT).toBe(0);
    expect(await shares([first, second])).toEqual([12, 0]);
    expect(second.membership.self.isLeaving).toBe(true);
    await remove(first.table, drainKey('birch'));
    await expect.poll(() => second.keeper.epochs.size, PATIENT).toBe(6);
    hasPins = true;
    for (let home = 0; home < 8; home += 1) await put(first.table, pinKey(home), { node: 'birch' });
    await expect
      .poll(() => [0, 1, 2, 3, 4, 5, 6, 7].every((home) => second.keeper.epochs.has(home)), PATIENT)
      .toBe(true);
    await expect.poll(() => first.keeper.epochs.size, PATIENT).toBe(4);
  });

  it('try a home again that cannot be opened, and leave it to another in the end', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const [first, second] = [await makeNode(server, 'ash'), await makeNode(server, 'birch')];
    let tries = 0;
    first.keeper.refusal = (home) => {
      if (home !== 5) return undefined;
      tries += 1;
      return new Error('the disk is broken');
    };
    await first.membership.join(first.keeper);
    await expect.poll(() => tries, PATIENT).toBeGreaterThan(0);
    await second.membership.join(second.keeper);
    await expect.poll(() => second.keeper.epochs.has(5), PATIENT).toBe(true);
    expect(tries).toBeGreaterThanOrEqual(5);
    await shares([first, second]);
  });

  it('open a home above the epoch that its log was fenced with, where the table knows of a lower one', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const node = await makeNode(server, 'ash');
    node.keeper.refusal = (home, epoch) =>
      home === 3 && epoch <= 57 ? new FencedError('another has it', 57) : undefined;
    await node.membership.join(node.keeper);
    await shares([node]);
    expect(node.keeper.epochs.get(3)).toBe(58);
  });

  it('open a home anew that the keeper has lost, or whose entry somebody has damaged', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const node = await joinNode(server, 'ash');
    await shares([node]);
    const [epoch3, epoch4] = [3, 4].map((home) => node.keeper.epochs.get(home) as number);
    node.membership.reopen(3, epoch3 as number, 'its log refused an append');
    await put(node.table, homeKey(4), 'nonsense');
    await expect.poll(() => node.keeper.epochs.get(3), PATIENT).toBe((epoch3 as number) + 1);
    await expect.poll(() => node.keeper.epochs.get(4), PATIENT).toBeGreaterThan(epoch4 as number);
    await shares([node]);
  });

  it('come in again when their own key was taken away', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const node = await joinNode(server, 'ash');
    await shares([node]);
    await remove(node.table, 'peer.1');
    await expect.poll(() => node.told.includes('back'), PATIENT).toBe(true);
    expect(await shares([node])).toEqual([12]);
    expect(node.membership.self.number).toBe(2);
  });
});
