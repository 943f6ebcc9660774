import type { AgentPool } from '../coordination/agent-pool.js';

/** Sockets that a connection has on the machine of the coordinator: memory of the kernel is read there alone. */
export interface ConnectionEnds {
  /** Null: not known; by how many its sockets rise tells. */
  sockets: number | null;
  /** No fewer than this, where that is what tells. */
  fewest: 0 | 1;
  /** All connections have the same ends here; otherwise some of the clients may be on this machine, and the others not. */
  isWhole: boolean;
}

/**
 * @param here what a connection has where all the clients are on this machine as well; null: what is between its ends is
 * not known
 */
export function connectionEnds(
  pool: Pick<AgentPool, 'plans' | 'hostOf'>,
  here: number | null,
): ConnectionEnds {
  const clients = pool.plans.reduce((sum, { count }) => sum + count, 0);
  const clientsHere = pool.plans.reduce(
    (sum, { count }, agent) => sum + (pool.hostOf(agent)?.clock ? 0 : count),
    0,
  );
  if (clientsHere === clients) return { sockets: here, fewest: 1, isWhole: true };
  const hasSocketsHere = clientsHere > 0 && pool.plans[0]?.transport === 'sockets';
  if (here === null) return { sockets: null, fewest: hasSocketsHere ? 1 : 0, isWhole: false };
  // The end of the server is here in any case.
  if (here === 1) return { sockets: 1, fewest: 1, isWhole: true };
  // This machine may be lent too, beside others, or by another network namespace of it; its clock is asked as all of them are.
  if (clientsHere === 0) return { sockets: null, fewest: 1, isWhole: false };
  return { sockets: 1 + clientsHere / clients, fewest: 1, isWhole: false };
}
