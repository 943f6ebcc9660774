import { InputError } from '../../record/input-error.js';
import { drainKey, pinKey } from '../../server/cluster/table-entries.js';
import type { ClusterTable, TableState } from './cluster-table.js';

/** What operators want of a cluster: it is written into its table, and done by the nodes as they read it there. */

/** @throws InputError where no such node is there, ClusterError where it could not be written */
export async function wishDrain(table: ClusterTable, node: string): Promise<void> {
  nodeOf(table.state, node);
  await table.put(drainKey(node), { node });
}

/** It takes homes again, where it has not gone yet. @throws InputError where nobody wants it drained, ClusterError */
export async function undoDrain(table: ClusterTable, node: string): Promise<void> {
  const { drains } = table.state;
  if (!drains.includes(node)) {
    const others = drains.length > 0 ? `; that is wanted of ${drains.join(', ')}` : '';
    throw new InputError(`nobody wants ${node} to be drained${others}`);
  }
  await table.delete(drainKey(node));
}

/** @throws InputError where there is no such home, or no such node that takes homes, ClusterError */
export async function wishMove(table: ClusterTable, home: number, node: string): Promise<void> {
  const { state } = table;
  checkHome(state, home);
  if (nodeOf(state, node).every(({ isLeaving }) => isLeaving))
    throw new InputError(`${node} is leaving the cluster, and takes no homes`);
  await table.put(pinKey(home), { node });
}

/** It is a home like any other again. @throws InputError where it is not kept anywhere, ClusterError */
export async function undoMove(table: ClusterTable, home: number): Promise<void> {
  const { state } = table;
  checkHome(state, home);
  if (!state.pins.has(home)) throw new InputError(`nobody wants home ${home} to be at a certain node`);
  await table.delete(pinKey(home));
}

/** How many homes a node has, those that are on their way to it aside. */
export function homesOf({ peers, homes }: TableState, node: string): number {
  const numbers = new Set(peers.filter((peer) => peer.node === node).map(({ number }) => number));
  return homes.filter(({ owner }) => numbers.has(owner)).length;
}

/** Whether there is a node that takes homes, apart from this one. */
export function hasTaker({ peers }: TableState, node: string): boolean {
  return peers.some((peer) => peer.node !== node && !peer.isLeaving);
}

export function isOpenAt({ peers, homes }: TableState, home: number, node: string): boolean {
  const place = homes[home];
  return place?.state === 'open' && peers.some((peer) => peer.number === place.owner && peer.node === node);
}

function nodeOf({ peers }: TableState, node: string): TableState['peers'] {
  const found = peers.filter((peer) => peer.node === node);
  if (found.length > 0) return found;
  const nodes = [...new Set(peers.map((peer) => peer.node))].sort();
  const there =
    nodes.length > 0 ? `there ${nodes.length === 1 ? 'is' : 'are'} ${nodes.join(', ')}` : 'no node is there';
  throw new InputError(`the cluster has no node "${node}": ${there}`);
}

function checkHome({ shape }: TableState, home: number): void {
  if (!Number.isInteger(home) || home < 0 || home >= shape.homes)
    throw new InputError(`there is no home ${home}: the cluster has 0 to ${shape.homes - 1}`);
}
