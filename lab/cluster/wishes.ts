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

/**
 * How far a node is that is to be drained. `homes`: it has so many left; `opening`: so many that it had are not open elsewhere yet;
 * `leaving`: it says goodbye to its clients; `left`: it has taken back the wish and gone; `gone`: it has gone and left the wish behind;
 * `undone`: somebody has taken the wish back.
 */
export type DrainStep =
  | { step: 'homes' | 'opening'; homes: number }
  | { step: 'leaving' | 'left' | 'gone' | 'undone' };

/** Remembers which homes the node had, and the wish. */
export type DrainFollower = (state: TableState) => DrainStep;

export function followDrain(node: string): DrainFollower {
  const had = new Set<number>();
  const processes = new Set<number>();
  let hasBeenWished = false;
  return ({ peers, homes, drains }) => {
    const owners = new Map(peers.map((peer) => [peer.number, peer.node]));
    const isWished = drains.includes(node);
    hasBeenWished ||= isWished;
    const ofNode = peers.filter((peer) => peer.node === node);
    if (processes.size === 0) for (const { number } of ofNode) processes.add(number);
    // One that was started again meanwhile is another one.
    const isThere = ofNode.some(({ number, isLeaving }) => isLeaving || processes.has(number));
    if (isThere && hasBeenWished && !isWished) return { step: 'undone' };
    const here = isThere ? homes.filter(({ owner }) => owners.get(owner) === node) : [];
    for (const { home } of here) had.add(home);
    if (here.length > 0) return { step: 'homes', homes: here.length };
    const closed = [...had].filter((home) => homes[home]?.state !== 'open' || !owners.has(homes[home].owner));
    if (closed.length > 0) return { step: 'opening', homes: closed.length };
    if (isThere) return { step: 'leaving' };
    return { step: isWished ? 'gone' : 'left' };
  };
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
