import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import { RunError } from '../../run-error.js';
import { connectProblem } from './connect-problem.js';
import { type NatsOptions, type NatsWay, readNatsWay } from './nats-way.js';

export type { NatsOptions } from './nats-way.js';

/** Of one attempt. */
const CONNECT_TIMEOUT_MS = 5000;
/** A server that is started again is found again within it, and so a run goes on (`LOST_AFTER_MS`). */
const RECONNECT_AFTER_MS = 250;
/** A link that is cut says nothing: the server is asked so often, and given up when it has not answered twice. */
const PING_EVERY_MS = 1000;
const MOST_PINGS_UNANSWERED = 2;

/**
 * Connects to a server of NATS. A connection that is lost later is made again, for as long as it takes.
 * @param name of this side, by which the server lists its connections
 * @throws InputError for options that cannot be used, RunError `C2M_RUN` when the first connect fails, with what to do; neither of
 * them holds a secret
 */
export async function connectNats(options: NatsOptions, name: string): Promise<NatsConnection> {
  const way = await readNatsWay(options);
  const nats = await import('@nats-io/transport-node');
  const authenticator = authenticatorOf(way, nats);
  try {
    return await nats.connect({
      servers: `${way.host}:${way.port}`,
      name,
      // What the system resolves, /etc/hosts included.
      resolve: false,
      timeout: CONNECT_TIMEOUT_MS,
      reconnect: true,
      maxReconnectAttempts: -1,
      // A server that is set up anew may refuse for a while.
      ignoreAuthErrorAbort: true,
      reconnectTimeWait: RECONNECT_AFTER_MS,
      pingInterval: PING_EVERY_MS,
      maxPingOut: MOST_PINGS_UNANSWERED,
      ...(way.tls ? { tls: way.tls } : {}),
      ...(authenticator ? { authenticator } : {}),
    });
  } catch (error) {
    throw new RunError('C2M_RUN', await connectProblem(error as Error, way));
  }
}

/**
 * Says what becomes of a connection, in words; until it is closed. A server that refuses each attempt does so several times a
 * second, perhaps for days: what was said since the connection was lost is not said again.
 */
export async function tellOfConnection(
  connection: Pick<NatsConnection, 'status' | 'getServer'>,
  tell: (words: string) => void,
): Promise<void> {
  const saidWhileAway = new Set<string>();
  let isAway = false;
  const say = (words: string): void => {
    if (saidWhileAway.has(words)) return;
    if (isAway) saidWhileAway.add(words);
    tell(words);
  };
  for await (const status of connection.status()) {
    switch (status.type) {
      case 'disconnect':
        isAway = true;
        say(`lost the connection to NATS at ${status.server}; trying again until it is there`);
        break;
      case 'reconnect':
        isAway = false;
        saidWhileAway.clear();
        say(`connected to NATS at ${status.server} again`);
        break;
      case 'error':
        say(`NATS at ${connection.getServer()} says: ${status.error.message}`);
        break;
    }
  }
}

type Nats = typeof import('@nats-io/transport-node');

function authenticatorOf({ who }: NatsWay, nats: Nats): ConnectionOptions['authenticator'] | undefined {
  switch (who.kind) {
    case 'nobody':
      return undefined;
    case 'user':
      return nats.usernamePasswordAuthenticator(who.user, who.password);
    case 'token':
      return nats.tokenAuthenticator(who.token);
    case 'nkey':
      return nats.nkeyAuthenticator(new TextEncoder().encode(who.seed));
    case 'credentials':
      return nats.credsAuthenticator(new TextEncoder().encode(who.text));
  }
}
