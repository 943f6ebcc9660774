import { LARGEST_PEER, type Peer } from './membership.js';

/**
 * Another server runs under the name of this node. One of a name is enough: `drain`, `move` and the status of the cluster go by it.
 * The message says which name, who has it, and what to do.
 */
export class NodeNameError extends Error {
  readonly code = 'C2M_NODE_NAME';

  static of({ node, number, addresses }: Peer): NodeNameError {
    const where = addresses.length > 0 ? `, at ${addresses.join(', ')}` : '';
    return new NodeNameError(
      `node "${node}" runs already: a server of that name is in the cluster as peer ${number}${where}, and it came first; ` +
        'give this one a name of its own (--node, or cluster.node in its file), or stop the other one before',
    );
  }
}

/** Of an error that another process has told. */
export const NODE_NAME_CODE: NodeNameError['code'] = 'C2M_NODE_NAME';

/** Whether two peers are of different servers with the same name. */
export function areNamesakes(one: Peer, other: Peer): boolean {
  return one.node === other.node && one.instance !== other.instance;
}

/**
 * Peers of other servers that have the name of this node and came before it: one of them that says anything lives. A server came
 * when the first of its peers did that are still there; numbers are given in the order of the table, which all see alike, so that of
 * two servers the same one is the first for both.
 * @param self its number may be 0: it has not come in
 */
export function earlierNamesakes(peers: ReadonlyMap<number, Peer>, self: Peer): Peer[] {
  const others = [...peers.values()].filter((peer) => areNamesakes(peer, self));
  if (others.length === 0) return others;
  const own = firstOf(peers, self);
  if (own === undefined) return others;
  return others.filter((other) => isBefore(firstOf(peers, other) ?? other.number, own));
}

function firstOf(peers: ReadonlyMap<number, Peer>, { node, instance }: Peer): number | undefined {
  let first: number | undefined;
  for (const peer of peers.values())
    if (peer.node === node && peer.instance === instance)
      if (first === undefined || isBefore(peer.number, first)) first = peer.number;
  return first;
}

/** Numbers begin anew behind the largest. */
function isBefore(number: number, other: number): boolean {
  const behind = (other - number + LARGEST_PEER) % LARGEST_PEER;
  return behind > 0 && behind < LARGEST_PEER / 2;
}
