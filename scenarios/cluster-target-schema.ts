import { z } from 'zod';
import { quote } from '../record/quantity.js';
import type { ClusterPlan } from './scenario.js';

const MOST_NODES = 16;
const MOST_HOMES = 4096;
/** A majority of them agrees on everything, and of an even number no more may be lost than of one less. */
const NATS_SERVERS = [1, 3, 5] as const;

function natsServers() {
  return z
    .literal(NATS_SERVERS, {
      error: ({ input }) => `${quote(input)} is not one of ${NATS_SERVERS.join(', ')}`,
    })
    .meta({ shape: NATS_SERVERS.map((count) => `\`${count}\``).join(', ') });
}

const whole = (most: number) =>
  z
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(most, `must be at most ${most}`);

export const clusterTargetSchema = z
  .strictObject(
    {
      nodes: whole(MOST_NODES).prefault(3).meta({
        description:
          'Servers, each with `workers` processes of its own, called `node-1`, `node-2` and so on; clients spread over them, partners dial different ones.',
      }),
      nats: natsServers().prefault(3).meta({
        description: 'Servers of NATS with JetStream that the lab starts: `nats-server` must be there.',
      }),
      replicas: natsServers().optional().meta({
        description: 'Of those, how many keep each log; with 3 one of them may be lost.',
        fallback: 'nats, at most 3',
      }),
      homes: whole(MOST_HOMES)
        .prefault(64)
        .meta({ description: 'Homes of the cluster: mailboxes move between nodes by the home.' }),
    },
    'must be a cluster, such as {nodes: 3, nats: 3, replicas: 3, homes: 64}',
  )
  .superRefine(({ nats, replicas = 1 }, context) => {
    if (replicas <= nats) return;
    context.addIssue({
      code: 'custom',
      path: ['replicas'],
      message: `${replicas} servers of NATS cannot keep a log where there are ${nats}; write nats: ${replicas}`,
    });
  });

/** As it is run. */
export function clusterPlan(cluster: z.output<typeof clusterTargetSchema>): ClusterPlan {
  const { nodes, nats, homes } = cluster;
  return { nodes, nats, homes, replicas: cluster.replicas ?? (nats === 1 ? 1 : 3) };
}
