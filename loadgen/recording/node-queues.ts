/**
 * Queues of the nodes of a cluster by one name each: `mailboxes` is that of the node where it is longest, `mailboxes#node-1` that
 * of one node, `mailboxes#node-1/0` that of one of its processes, which that node calls `mailboxes#0`.
 */

/** What a node calls a queue, by the name that it has among those of all nodes. */
export function nameOfPart(queue: string, node: string): string {
  const [name, process] = queue.split('#');
  return process === undefined ? `${name}#${node}` : `${name}#${node}/${process}`;
}

/** Whose queue that is, and what that node calls it; undefined: it is none of these nodes'. */
export function partsByNode(
  queue: string,
  nodes: readonly string[],
): { node: string; queue: string } | undefined {
  const [name = '', part = ''] = queue.split('#');
  const [node = '', process] = part.split('/');
  if (!nodes.includes(node)) return undefined;
  return { node, queue: process === undefined ? name : `${name}#${process}` };
}

/**
 * All queues of all nodes, and for each name of a queue the worst.
 * @param length by which one is worse than another
 */
export function worstOfNodes<Queue>(
  nodes: readonly (readonly [node: string, queues: ReadonlyMap<string, Queue>])[],
  length: (queue: Queue) => number,
): Map<string, Queue> {
  const worst = new Map<string, Queue>();
  const parts = new Map<string, Queue>();
  for (const [node, queues] of nodes) {
    for (const [name, queue] of queues) {
      parts.set(nameOfPart(name, node), queue);
      if (name.includes('#')) continue;
      const before = worst.get(name);
      if (before === undefined || length(queue) > length(before)) worst.set(name, queue);
    }
  }
  return new Map([...worst, ...parts]);
}
