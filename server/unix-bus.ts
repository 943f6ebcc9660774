import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Bus, BusMessage } from './bus.js';
import { busMessageBytes, readBusMessages, writeBusMessage } from './bus-codec.js';

const FIRST_BATCH_BYTES = 16 * 1024;

/**
 * The bus between the worker processes of one machine: every worker listens on a Unix socket in a shared
 * folder and keeps one connection to each other worker, used in one direction. Messages are gathered in a
 * batch a peer and written once an event-loop turn.
 */
export class UnixBus implements Bus {
  readonly self: number;
  readonly workers: number;
  readonly #folder: string;
  readonly #receive: (message: BusMessage) => void;
  readonly #onFailure: (error: Error) => void;
  readonly #batches: (Batch | undefined)[] = [];
  readonly #inbound = new Set<Socket>();
  #server: Server | undefined;
  #isClosing = false;

  /**
   * @param receive called for every message for this worker, also those that it sends itself
   * @param onFailure a connection to another worker broke: messages may be missing
   */
  constructor(
    self: number,
    workers: number,
    folder: string,
    receive: (message: BusMessage) => void,
    onFailure: (error: Error) => void,
  ) {
    this.self = self;
    this.workers = workers;
    this.#folder = folder;
    this.#receive = receive;
    this.#onFailure = onFailure;
  }

  /** Accepts messages from the other workers. */
  async listen(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#socketPath(this.self), resolve);
    });
  }

  /** Connects to all other workers; they must be listening. */
  async connect(): Promise<void> {
    const opened: Promise<void>[] = [];
    for (let worker = 0; worker < this.workers; worker += 1) {
      if (worker === this.self) continue;
      const socket = connect(this.#socketPath(worker));
      this.#batches[worker] = new Batch(socket);
      opened.push(
        new Promise((resolve, reject) => {
          socket.once('connect', resolve);
          socket.once('error', reject);
        }),
      );
      socket.on('close', () => {
        if (!this.#isClosing) this.#onFailure(new Error(`the bus to worker ${worker} closed`));
      });
    }
    await Promise.all(opened);
  }

  /** Hot path. */
  send(worker: number, message: BusMessage): void {
    if (worker === this.self) this.#receive(message);
    else this.#batches[worker]?.add(message);
  }

  flush(): void {
    for (const batch of this.#batches) batch?.flush();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const batch of this.#batches) batch?.end();
    for (const socket of this.#inbound) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#server) this.#server.close(() => resolve());
      else resolve();
    });
  }

  #accept(socket: Socket): void {
    this.#inbound.add(socket);
    let rest: Buffer | undefined;
    socket.on('data', (chunk: Buffer) => {
      const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
      const consumed = readBusMessages(bytes, this.#receive);
      rest = consumed === bytes.length ? undefined : bytes.subarray(consumed);
    });
    socket.on('error', (error) => {
      if (!this.#isClosing) this.#onFailure(error);
    });
    socket.on('close', () => this.#inbound.delete(socket));
  }

  #socketPath(worker: number): string {
    return join(this.#folder, `${worker}.sock`);
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
    this.flush();
    this.#socket.end();
  }
}
