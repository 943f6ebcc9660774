import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Bus, BusMessage, Homes } from './bus.js';
import { busMessageBytes, readBusMessages, writeBusMessage } from './bus-codec.js';

const FIRST_BATCH_BYTES = 16 * 1024;

export interface UnixBusOptions {
  self: number;
  /** Workers and homes together. */
  processes: number;
  homes: Homes;
  /** Where every process has a socket. */
  folder: string;
  /** Called for every message for this worker, also those that it sends itself. */
  receive(message: BusMessage): void;
  /** A worker died: what was under way to it is lost. */
  lost(worker: number): void;
}

/**
 * The bus between the worker processes of one machine: every worker listens on a Unix socket in a shared
 * folder and keeps one connection to each worker that it has something to say to, used in one direction: a home talks
 * to all, the others talk to homes. Messages are gathered in a batch a peer and written once an event-loop turn.
 */
export class UnixBus implements Bus {
  readonly self: number;
  readonly homes: Homes;
  readonly #options: UnixBusOptions;
  readonly #batches: (Batch | undefined)[] = [];
  /** Batches with something in them. */
  #filled: Batch[] = [];
  readonly #inbound = new Set<Socket>();
  #server: Server | undefined;
  #isOpen = false;
  #isClosing = false;

  constructor(options: UnixBusOptions) {
    this.self = options.self;
    this.homes = options.homes;
    this.#options = options;
  }

  /** Accepts messages from the other workers. */
  async listen(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    const path = this.#socketPath(this.self);
    // Left over from a worker of this number that died.
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  }

  /** Connects to all others that this worker talks to; one that is dead is left out until `reconnect`. */
  async connect(): Promise<void> {
    const { processes, homes } = this.#options;
    const isHome = this.self >= homes.first && this.self < homes.first + homes.count;
    const peers = isHome
      ? Array.from({ length: processes }, (_, worker) => worker)
      : Array.from({ length: homes.count }, (_, home) => homes.first + home);
    await Promise.all(
      peers
        .filter((worker) => worker !== this.self)
        .map((worker) =>
          this.#connectTo(worker).catch(() => {
            this.#batches[worker] = undefined;
          }),
        ),
    );
  }

  /**
   * Connects to a worker that was started again, where this one talked to the former.
   * @returns false where it died once more: there will be another call
   */
  async reconnect(worker: number): Promise<boolean> {
    if (!(worker in this.#batches)) return true;
    return this.#connectTo(worker).then(
      () => true,
      () => false,
    );
  }

  /** Takes what others have sent since `listen`; before, nobody could be answered. */
  open(): void {
    this.#isOpen = true;
    for (const socket of this.#inbound) socket.resume();
  }

  isConnected(worker: number): boolean {
    return worker === this.self || this.#batches[worker] !== undefined;
  }

  /** Hot path. */
  send(worker: number, message: BusMessage): void {
    if (worker === this.self) {
      this.#options.receive(message);
      return;
    }
    const batch = this.#batches[worker];
    if (!batch) return;
    if (batch.isEmpty) this.#filled.push(batch);
    batch.add(message);
  }

  flush(): void {
    if (this.#filled.length === 0) return;
    const filled = this.#filled;
    this.#filled = [];
    for (const batch of filled) batch.flush();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.flush();
    for (const batch of this.#batches) batch?.end();
    for (const socket of this.#inbound) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#server) this.#server.close(() => resolve());
      else resolve();
    });
  }

  async #connectTo(worker: number): Promise<void> {
    const socket = connect(this.#socketPath(worker));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    // 'close' follows and does the work; without a listener the error would end the process.
    socket.on('error', () => undefined);
    const batch = new Batch(socket);
    socket.on('close', () => {
      if (this.#batches[worker] === batch) this.#lose(worker);
    });
    // Its death may be heard of after its successor.
    if (this.#batches[worker]) this.#lose(worker);
    this.#batches[worker] = batch;
  }

  #lose(worker: number): void {
    this.#batches[worker] = undefined;
    if (!this.#isClosing) this.#options.lost(worker);
  }

  #accept(socket: Socket): void {
    this.#inbound.add(socket);
    let rest: Buffer | undefined;
    socket.on('data', (chunk: Buffer) => {
      const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
      const consumed = readBusMessages(bytes, this.#options.receive);
      rest = consumed === bytes.length ? undefined : bytes.subarray(consumed);
    });
    if (!this.#isOpen) socket.pause();
    // The other direction to the same worker closes as well, and is listened to.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#inbound.delete(socket));
  }

  #socketPath(worker: number): string {
    return join(this.#options.folder, `${worker}.sock`);
  }
}

/** Messages for one worker, encoded as they come, in a buffer that grows and is handed to the socket whole. */
class Batch {
  readonly #socket: Socket;
  #buffer = Buffer.allocUnsafeSlow(FIRST_BATCH_BYTES);
  #used = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  add(message: BusMessage): void {
    const needed = this.#used + busMessageBytes(message);
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#used);
      this.#buffer = larger;
    }
    this.#used = writeBusMessage(message, this.#buffer, this.#used);
  }

  flush(): void {
    if (this.#used === 0) return;
    this.#socket.write(this.#buffer.subarray(0, this.#used));
    // What the kernel did not take at once still lies in the buffer: then it is the socket's.
    if (this.#socket.writableLength > 0) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BATCH_BYTES);
    this.#used = 0;
  }

  end(): void {
    this.#socket.end();
  }
}
