import { connect } from '@nats-io/transport-node';
import type { Bus, BusMessage } from '../server/bus/bus.js';
import { Topology } from '../server/bus/topology.js';
import { UnixBus } from '../server/bus/unix-bus.js';
import { BUS_VERSIONS } from '../server/cluster/bus-version.js';
import { ClusterBus } from '../server/cluster/cluster-bus.js';

/** What one of two processes does with its bus. It is told by its only argument, and says `ready`. */
export interface BusProcessOptions {
  bus: 'cluster' | 'unix';
  self: 0 | 1;
  natsPort: number;
  /** Of the sockets. */
  folder: string;
  payloadBytes: number;
}

/** From the bench; each is answered with figures. */
export type BusCommand = { flood: number } | { rounds: number } | 'figures' | 'stop';

export interface BusFigures {
  /** Since the start: messages that came, and CPU of this process. */
  messages: number;
  cpuSeconds: number;
  /** Of `rounds`: one message there and its answer back. */
  roundTripP50Ms?: number;
  roundTripP99Ms?: number;
  /** Batches that were sent once more. */
  repeated: number;
}

interface Opened {
  bus: Bus & { readonly waitingBytes: number };
  repeated(): number;
}

const MOST_WAITING_BYTES = 1_048_576;
/** How a message says that it is to be answered. */
const ASKS = 1;

const options = JSON.parse(process.argv[2] ?? '{}') as BusProcessOptions;
const other = 1 - options.self;
const payload = Buffer.alloc(options.payloadBytes);
const opened = options.bus === 'unix' ? await openUnix() : await openCluster();
const { bus } = opened;
let messages = 0;
let isFlooding = false;
let onAnswer: () => void = () => undefined;

process.on('disconnect', () => process.exit(0));
process.on('message', (command: BusCommand) => void obey(command));
process.send?.('ready');

async function obey(command: BusCommand): Promise<void> {
  if (command === 'stop') isFlooding = false;
  else if (command === 'figures') process.send?.(figures());
  else if ('flood' in command) flood(command.flood);
  else process.send?.({ ...figures(), ...(await measureRounds(command.rounds)) });
}

function figures(): BusFigures {
  const { user, system } = process.cpuUsage();
  return { messages, cpuSeconds: (user + system) / 1e6, repeated: opened.repeated() };
}

/** So many messages an event-loop turn, and so a batch, as long as the other takes them. */
function flood(batch: number): void {
  isFlooding = true;
  const turn = (): void => {
    if (!isFlooding) return;
    if (bus.waitingBytes > MOST_WAITING_BYTES) {
      setTimeout(turn, 1);
      return;
    }
    for (let each = 0; each < batch; each += 1) send(0);
    bus.flush();
    setImmediate(turn);
  };
  turn();
}

async function measureRounds(rounds: number): Promise<Pick<BusFigures, 'roundTripP50Ms' | 'roundTripP99Ms'>> {
  const took: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = performance.now();
    await new Promise<void>((resolve) => {
      onAnswer = resolve;
      send(ASKS);
      bus.flush();
    });
    took.push(performance.now() - before);
  }
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(share * took.length)] ?? 0;
  return { roundTripP50Ms: at(0.5), roundTripP99Ms: at(0.99) };
}

function send(connection: number): void {
  bus.send(other, { kind: 'submit', from: 1, worker: bus.self, connection, to: 2, id: 1, payload });
}

function receive(message: BusMessage): void {
  if (message.kind === 'accepted') onAnswer();
  if (message.kind !== 'submit') return;
  messages += 1;
  if (message.connection !== ASKS) return;
  bus.send(message.worker, { kind: 'accepted', connection: 1, id: message.id });
  bus.flush();
}

async function openUnix(): Promise<Opened> {
  const unix = new UnixBus({
    self: options.self,
    topology: new Topology({ workers: 2, homes: 0 }),
    folder: options.folder,
  });
  await unix.listen();
  const nothing = (): undefined => undefined;
  unix.open({ receive, gathered: nothing, drained: nothing, lost: nothing });
  // The other listens a moment later.
  while (!unix.isConnected(other)) {
    await unix.connect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { bus: unix, repeated: () => 0 };
}

async function openCluster(): Promise<Opened> {
  const connection = await connect({ servers: `127.0.0.1:${options.natsPort}` });
  const cluster = new ClusterBus({ connection, cluster: 'bench', homes: 2 });
  const [self, peer] = [options.self, other].map((home) => ({
    number: home + 1,
    node: `node-${home}`,
    worker: 0,
    versions: BUS_VERSIONS,
    addresses: [],
    isLeaving: false,
  }));
  if (!self || !peer) throw new Error('two peers are made of two numbers');
  const nothing = (): undefined => undefined;
  await cluster.join(self, {
    // An answer goes out as of that home.
    toHome: (_home, message) => receive(message),
    toConnection: receive,
    held: nothing,
    here: nothing,
    gathered: nothing,
    drained: nothing,
  });
  cluster.up(peer);
  for (const home of [0, 1]) cluster.place(home, home + 1);
  const home = cluster.home(options.self);
  const { gateway } = cluster;
  return {
    bus: {
      self: gateway.self,
      homes: gateway.homes,
      isConnected: (address) => gateway.isConnected(address),
      send: (address, message) => (message.kind === 'accepted' ? home : gateway).send(address, message),
      flush: () => cluster.flush(),
      close: () => cluster.close(),
      get waitingBytes() {
        return cluster.waitingBytes;
      },
    },
    repeated: () => cluster.stats.peers.reduce((sum, { repeated }) => sum + repeated, 0),
  };
}
