import type { ConnectionOptions, NatsConnection, Server } from '@nats-io/transport-node';
import { connectProblem } from './connect-problem.js';
import { NatsError } from './nats-error.js';
import {
  certificateName,
  type NatsOptions,
  type NatsPlace,
  type NatsTls,
  type NatsWay,
  readNatsWay,
} from './nats-way.js';

/** How a server of NATS is reached: by the coordinator of a run, by machines that are lent, by the server's cluster. */

export { type NatsOptions, natsPlaces } from './nats-way.js';

/** Of one attempt. */
const CONNECT_TIMEOUT_MS = 5000;
/** A server that is started again is found again within it, and so a run goes on (`LOST_AFTER_MS`). */
const RECONNECT_AFTER_MS = 250;
/** A link that is cut says nothing: the server is asked so often, and given up when it has not answered twice. */
const PING_EVERY_MS = 1000;
const MOST_PINGS_UNANSWERED = 2;

/**
 * Connects to the first of the servers that takes it, beginning with any of them. A connection that is lost later is made again, to
 * any of them, for as long as it takes.
 * @param name of this side, by which the server lists its connections
 * @throws InputError for options that cannot be used, NatsError when no server can be connected to at first, with what to do at
 * each; neither of them holds a secret
 */
export async function connectNats(options: NatsOptions, name: string): Promise<NatsConnection> {
  const way = await readNatsWay(options);
  const nats = await import('@nats-io/transport-node');
  const connectionOptions = optionsFor(way, name, nats);
  const failures: [NatsPlace, Error][] = [];
  for (const server of fromAnyOn(way.servers)) {
    try {
      // One by one: the library would tell of the last failure alone, and forget the servers that failed.
      const connection = await nats.connect({ ...connectionOptions, servers: listenerOf(server) });
      if (way.servers.length > 1) reconnectToAny(connection, way.servers);
      return connection;
    } catch (error) {
      failures.push([server, error as Error]);
    }
  }
  const problems = await Promise.all(
    failures.map(([server, error]) => connectProblem(error, { ...way, ...server })),
  );
  throw new NatsError(problems.join('\n'));
}

/** What is known from the cluster is forgotten when the cluster forgets it; what was given is not. */
function reconnectToAny(connection: NatsConnection, given: readonly NatsPlace[]): void {
  const known = connection.getServers().map(({ listen }) => listen);
  connection.setServers([...new Set([...given.map(listenerOf), ...known])]);
}

function optionsFor(way: NatsWay, name: string, nats: Nats): ConnectionOptions {
  const authenticator = authenticatorOf(way, nats);
  return {
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
    ...(way.tls ? tlsOptions(way.tls) : {}),
    ...(authenticator ? { authenticator } : {}),
  };
}

/**
 * Each server has a certificate for a name of its own, and the library knows one set of options for all of them; it reads them anew
 * at each attempt, and says before whom it will try.
 */
function tlsOptions(tls: NatsTls): ConnectionOptions {
  let next: Server | undefined;
  const certified = () => certificateName(next?.tlsName || next?.hostname || '');
  const options = {
    ...tls,
    get host() {
      return certified().host;
    },
    get servername() {
      return certified().servername;
    },
  };
  const reconnectToServer: ConnectionOptions['reconnectToServer'] = ([server]) => {
    next = server;
    // It is the one that would be tried anyway.
    return null;
  };
  return { tls: options, reconnectToServer };
}

/** All of them, in their order, beginning anywhere: so those who connect are spread over the servers. */
function fromAnyOn<Each>(all: readonly Each[]): Each[] {
  const start = Math.floor(Math.random() * all.length);
  return [...all.slice(start), ...all.slice(0, start)];
}

function listenerOf({ host, port }: NatsPlace): string {
  return `${host}:${port}`;
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
