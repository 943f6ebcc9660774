import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Client, FloodOptions, State } from './flood-client.js';

/** What the stream of the bench takes; see bench/cluster/peers.ts. */
export const DIRECT_SUBJECTS = 'to.*';

/** Of an acknowledgement. */
const ANSWER_MS = 30_000;

/**
 * A client that speaks to JetStream itself, without a server of ours: a message is accepted when the stream has it, and
 * ends where its neighbour has it, who has subscribed to the subject. That is the least that NATS can do: nothing waits for
 * whoever is away, nothing is deleted, and nobody hears that it came. With a consumer for each client, which does the
 * first two, a server looks through its consumers for every message (docs/drivers.md).
 */
export async function openJetStreamClient(
  index: number,
  options: FloodOptions,
  state: State,
): Promise<Client> {
  const payload = Buffer.alloc(options.payloadBytes, index);
  const ports = [options.port, ...(options.otherPorts ?? [])];
  const connection = await connect({ servers: `127.0.0.1:${ports[index % ports.length]}`, reconnect: false });
  const client: JetStreamClient = jetstream(connection, { timeout: ANSWER_MS });
  const partner = `to.${index ^ 1}`;
  const publish = (): void => {
    const sentMs = performance.now();
    client.publish(partner, payload).then(
      () => {
        state.accepted.recordValue(Math.round((performance.now() - sentMs) * 1000));
        if (!state.isStopped) publish();
      },
      (error: Error) => {
        if (!state.isStopped) throw error;
      },
    );
  };
  connection.subscribe(`to.${index}`, {
    callback: () => {
      state.completed += 1;
    },
  });
  await connection.flush();
  return {
    start: () => {
      for (let sent = 0; sent < options.window; sent += 1) publish();
    },
    close: () => {
      connection.close().catch((error: Error) => console.error(error.message));
    },
  };
}
