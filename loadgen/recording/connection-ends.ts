import type { AgentPool } from '../coordination/agent-pool.js';

/** Sockets that a connection has on the machine of the coordinator: memory of the kernel is read there alone. */
export interface ConnectionEnds {
  /** Null: not known; by how many its sockets rise tells. */
  sockets: number | null;
  /** No fewer than this, where that is what tells. */
  fewest: 0 | 1;
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
  if (clientsHere === clients) return { sockets: here, fewest: 1 };
  const hasSocketsHere = clientsHere > 0 && pool.plans[0]?.transport === 'sockets';
  if (here === null) return { sockets: null, fewest: hasSocketsHere ? 1 : 0 };
  // The end of the server is here in any case.
  if (here === 1) return { sockets: 1, fewest: 1 };
  // Another network namespace of this machine has a clock of its own for all that is known, and the same kernel.
  if (clientsHere === 0) return { sockets: null, fewest: 1 };
  return { sockets: 1 + clientsHere / clients, fewest: 1 };
}
