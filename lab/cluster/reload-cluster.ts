import { randomUUID } from 'node:crypto';
import type { NodeAnswer } from '../../server/cluster/control/node-messages.js';
import type { OperatedCluster } from './operated-cluster.js';

/** What came of it; words for each node that is to blame, sorted by node. */
export type ClusterReload =
  | { kind: 'done'; version: string; nodes: string[] }
  /** The handlers before stay in force at every node. */
  | { kind: 'refused'; reasons: string[] }
  /** All could take it, and some have not: the others have the new one. */
  | { kind: 'partly'; version: string; nodes: string[]; reasons: string[] };

/** A node tries handlers in a process of its own for up to 5 s, then each worker loads them. */
const TRY_WITHIN_MS = 20_000;
const ACTIVATE_WITHIN_MS = 15_000;
const DISCARD_WITHIN_MS = 2000;

/** Loads the handlers anew at all nodes, or at none: all of them try what is in their files, and then put it into force. */
export async function reloadCluster(cluster: OperatedCluster): Promise<ClusterReload> {
  const reload = randomUUID();
  const { nodes } = cluster;
  if (nodes.length === 0) return { kind: 'refused', reasons: ['no node is there'] };
  const tried = await cluster.ask({ ask: 'try-handlers', reload }, TRY_WITHIN_MS);
  const reasons = [...faults(nodes, tried), ...differences(tried)];
  if (reasons.length > 0) {
    const why = `not all nodes can take them: ${reasons.join('; ')}`.slice(0, 4000);
    await cluster.ask({ ask: 'discard-handlers', reload, why }, DISCARD_WITHIN_MS);
    return { kind: 'refused', reasons };
  }
  const activated = await cluster.ask({ ask: 'activate-handlers', reload }, ACTIVATE_WITHIN_MS);
  const [version = ''] = versionsOf(tried);
  const failed = faults(nodes, activated);
  const changed = [...activated].flatMap(([node, { kind }]) => (kind === 'handlers' ? [node] : [])).sort();
  if (failed.length === 0) return { kind: 'done', version, nodes: changed };
  return { kind: 'partly', version, nodes: changed, reasons: failed };
}

function faults(nodes: readonly string[], answers: ReadonlyMap<string, NodeAnswer>): string[] {
  return nodes.flatMap((node) => {
    const answer = answers.get(node);
    if (answer?.kind === 'handlers') return [];
    return [`${node}: ${answer?.kind === 'failed' ? answer.why : 'it does not answer'}`];
  });
}

/** Files that differ are files that somebody has forgotten to bring to a node. */
function differences(answers: ReadonlyMap<string, NodeAnswer>): string[] {
  if (versionsOf(answers).size < 2) return [];
  const each = [...answers].map(([node, answer]) =>
    answer.kind === 'handlers' ? `${node} has version ${answer.version}` : '',
  );
  return [`the files of the nodes differ: ${each.filter(Boolean).sort().join(', ')}`];
}

function versionsOf(answers: ReadonlyMap<string, NodeAnswer>): Set<string> {
  const versions = new Set<string>();
  for (const answer of answers.values()) if (answer.kind === 'handlers') versions.add(answer.version);
  return versions;
}
