import { existsSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { BusMessage, BusReceiver, ProcessBus } from './bus.js';
import { Incoming, preamble } from './incoming.js';
import { Outgoing } from './outgoing.js';
import type { Homes, Topology } from './topology.js';

/** A worker that has not read this many bytes of what a home told it is itself not read until it has. */
const HELD_BACK_BYTES = 16 * 1_048_576;

export interface UnixBusOptions {
  self: number;
  topology: Topology;
  /** Where every process has a socket. */
  folder: string;
}

/**
 * The bus between the processes of one machine: every process listens on a Unix socket in a shared folder and keeps one
 * connection to each other that it has something to say to, used in one direction. Messages are gathered in a batch a peer
 * and written once an event-loop turn.
 */
export class UnixBus implements ProcessBus {
  readonly self: number;
  readonly homes: Homes;
  readonly #topology: Topology;
  readonly #folder: string;
  readonly #outgoing: (Outgoing | undefined)[] = [];
  /** Connections with messages gathered in this turn. */
  #filled: Outgoing[] = [];
  #gatheredBytes = 0;
  /** Connections that the kernel takes no more for, because the other process does not read. */
  readonly #slow = new Set<Outgoing>();
  readonly #incoming = new Set<Incoming>();
  /** Processes that were replaced before we heard of their death: the order of the two is not certain. */
  readonly #replaced = new Set<number>();
  #server: Server | undefined;
  #receiver: BusReceiver | undefined;
  #isClosing = false;

  constructor({ self, topology, folder }: UnixBusOptions) {
    this.self = self;
    this.homes = topology.homes;
    this.#topology = topology;
    this.#folder = folder;
  }

  /** Accepts messages from the other processes, which stay unread until `open`: nobody could be answered. */
  async listen(): Promise<void> {
    this.#server?.close();
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    const path = socketPath(this.#folder, this.self);
    // Left over from a worker of this number that died.
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  }

  /** Connects to all others that this process talks to; one that is dead is left out until `reconnect`. */
  async connect(): Promise<void> {
    await Promise.all(
      this.#topology.peersOf(this.self).map((peer) =>
        this.#connectTo(peer).catch(() => {
          this.#outgoing[peer] = undefined;
        }),
      ),
    );
  }

  /**
   * Connects to a process that was started again, where this one talked to the former.
   * @returns false where it died once more: there will be another call
   */
  async reconnect(peer: number): Promise<boolean> {
    if (!(peer in this.#outgoing)) return true;
    return this.#connectTo(peer).then(
      () => true,
      () => false,
    );
  }

  open(receiver: BusReceiver): void {
    this.#receiver = receiver;
    for (const incoming of this.#incoming) incoming.open();
  }

  isConnected(peer: number): boolean {
    return peer === this.self || this.#outgoing[peer] !== undefined;
  }

  get waitingBytes(): number {
    let bytes = this.#gatheredBytes;
    for (const outgoing of this.#slow) bytes += outgoing.waitingBytes;
    return bytes;
  }

  /** Hot path. */
  send(peer: number, message: BusMessage): void {
    if (peer === this.self) {
      this.#receiver?.receive(message, peer);
      return;
    }
    const outgoing = this.#outgoing[peer];
    if (!outgoing) return;
    if (outgoing.isEmpty) {
      this.#filled.push(outgoing);
      if (this.#filled.length === 1) this.#receiver?.gathered();
    }
    this.#gatheredBytes += outgoing.add(message);
  }

  flush(): void {
    if (this.#filled.length === 0) return;
    const filled = this.#filled;
    this.#filled = [];
    this.#gatheredBytes = 0;
    for (const outgoing of filled) {
      if (outgoing.flush()) continue;
      this.#slow.add(outgoing);
      if (outgoing.waitingBytes > HELD_BACK_BYTES) this.#holdBack(outgoing.peer, true);
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.flush();
    for (const outgoing of this.#outgoing) outgoing?.end();
    for (const incoming of this.#incoming) incoming.destroy();
    await new Promise<void>((resolve) => {
      if (this.#server) this.#server.close(() => resolve());
      else resolve();
    });
  }

  async #connectTo(peer: number): Promise<void> {
    const socket = connect(socketPath(this.#folder, peer));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    // 'close' follows and does the work; without a listener the error would end the process.
    socket.on('error', () => undefined);
    socket.write(preamble(this.self));
    const outgoing = new Outgoing(peer, socket);
    socket.on('drain', () => this.#drained(outgoing));
    socket.on('close', () => {
      if (this.#outgoing[peer] !== outgoing) return;
      // Nothing that the dead process said may be read after what follows from its death.
      if (!this.#replaced.delete(peer)) this.#endIncoming(peer);
      this.#lose(outgoing);
    });
    // Its death may be heard of after its successor.
    const former = this.#outgoing[peer];
    this.#replaced.delete(peer);
    if (former) this.#lose(former);
    this.#outgoing[peer] = outgoing;
  }

  #drained(outgoing: Outgoing): void {
    this.#slow.delete(outgoing);
    this.#holdBack(outgoing.peer, false);
    this.#receiver?.drained();
  }

  #lose(outgoing: Outgoing): void {
    this.#outgoing[outgoing.peer] = undefined;
    this.#slow.delete(outgoing);
    if (!this.#isClosing) this.#receiver?.lost(outgoing.peer);
  }

  /**
   * Only a process that keeps no mailboxes is made to wait: it reads what it is told whatever happens. Of two homes each
   * could wait for the other to read; what one has asked of the other is bounded by its own budget.
   */
  #holdBack(peer: number, isHeldBack: boolean): void {
    if (this.#topology.isHome(peer)) return;
    for (const incoming of this.#incoming) if (incoming.peer === peer) incoming.holdBack(isHeldBack);
  }

  /** A process of this number has died: what it has said and was not read, because it was held back, is out of date. */
  #endPredecessors(peer: number, successor: Incoming): void {
    if (this.#endIncoming(peer, successor)) this.#replaced.add(peer);
  }

  /** @returns whether there was one beside `but` */
  #endIncoming(peer: number, but?: Incoming): boolean {
    let wasThere = false;
    for (const incoming of this.#incoming) {
      if (incoming.peer !== peer || incoming === but) continue;
      wasThere = true;
      this.#incoming.delete(incoming);
      incoming.destroy();
    }
    return wasThere;
  }

  #accept(socket: Socket): void {
    const isEarly = this.#receiver === undefined;
    const incoming = new Incoming(
      socket,
      isEarly,
      (message, from) => this.#receiver?.receive(message, from),
      ({ peer }) => this.#endPredecessors(peer as number, incoming),
    );
    this.#incoming.add(incoming);
    socket.on('close', () => this.#incoming.delete(incoming));
  }
}

/** Whether `process`, which listens, can be connected to: sockets in a temporary folder may be cleared away. */
export function isSocketThere(folder: string, process: number): boolean {
  return existsSync(socketPath(folder, process));
}

function socketPath(folder: string, process: number): string {
  return join(folder, `${process}.sock`);
}
