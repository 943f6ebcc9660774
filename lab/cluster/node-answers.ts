import { createInbox, type NatsConnection } from '@nats-io/transport-node';
import {
  type NodeAnswer,
  type NodeRequest,
  nodesSubject,
  readAnswer,
} from '../../server/cluster/control/node-messages.js';

/**
 * Asks all nodes of a cluster at once.
 * @param nodes that are to answer
 * @returns answers by node, of whoever has answered when all of them have, or time is over
 */
export async function askNodes(
  connection: NatsConnection,
  cluster: string,
  nodes: Iterable<string>,
  request: NodeRequest,
  withinMs: number,
): Promise<Map<string, NodeAnswer>> {
  const missing = new Set(nodes);
  const answers = new Map<string, NodeAnswer>();
  if (missing.size === 0) return answers;
  const inbox = createInbox();
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
      resolve();
    };
    const timer = setTimeout(end, withinMs);
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        // Nobody hears on the subject, or this user may not hear: nobody will answer.
        if (error || message.headers?.code === 503) end();
        else
          void readAnswer(message).then((answer) => {
            if (!answer) return;
            answers.set(answer.node, answer);
            missing.delete(answer.node);
            if (missing.size === 0) end();
          });
      },
    });
    connection.publish(nodesSubject(cluster), JSON.stringify(request), { reply: inbox });
  });
  return answers;
}
