import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  RetentionPolicy,
  StorageType,
  type StreamState,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { LogNames } from './names.js';
import { patiently } from './patience.js';
import { decodeRecord, type LogRecord } from './record.js';

/** Of one question; it is asked again. */
const ANSWER_MS = 3000;
/** A log that is read and does not come for so long is given up. */
const SILENCE_MS = 15_000;

/** The stream of one home, as those know it who read it and keep it in order; who writes to it: see appender.ts. */
export class HomeLog {
  readonly names: LogNames;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;

  private constructor(names: LogNames, client: JetStreamClient, manager: JetStreamManager) {
    this.names = names;
    this.#client = client;
    this.#manager = manager;
  }

  /** Opens the stream, and makes it where it is not there. */
  static async open(connection: NatsConnection, names: LogNames, replicas: number): Promise<HomeLog> {
    const client = jetstream(connection, { timeout: ANSWER_MS });
    const manager = await client.jetstreamManager(false);
    const log = new HomeLog(names, client, manager);
    if (!(await patiently(() => log.#isThere()))) await patiently(() => log.#make(replicas));
    return log;
  }

  /** For whatever else is kept beside the log. */
  get client(): JetStreamClient {
    return this.#client;
  }

  async state(): Promise<StreamState> {
    return patiently(async () => (await this.#manager.streams.info(this.names.stream)).state);
  }

  /**
   * The record at `sequence`; undefined: the leader has none there, or not yet.
   * @throws RecordError, and whatever one attempt meets
   */
  async read(sequence: number): Promise<LogRecord | undefined> {
    const message = await this.#manager.streams.getMessage(this.names.stream, { seq: sequence });
    return message ? decodeRecord(message.data) : undefined;
  }

  /** Puts a record at the end, whatever stands before it. @returns its sequence; it may be there twice */
  async append(record: Uint8Array): Promise<number> {
    return patiently(async () => (await this.#client.publish(this.names.subject, record)).seq);
  }

  /**
   * Reads messages in their order, without holding them: JetStream sends on as they are taken.
   * @param take is told the sequence of each; what it throws ends the reading
   * @throws Error where the stream does not come
   */
  async readThrough(
    from: number,
    to: number,
    take: (sequence: number, data: Uint8Array) => void,
  ): Promise<void> {
    let next = from;
    let untilMs = performance.now() + SILENCE_MS;
    while (next <= to) {
      const before = next;
      await this.#readOn(next, to, (sequence, data) => {
        take(sequence, data);
        next = sequence + 1;
      });
      if (next > before) untilMs = performance.now() + SILENCE_MS;
      else if (performance.now() > untilMs)
        throw new Error(
          `${this.names.stream}: JetStream sends no more of it; see whether its servers are up`,
        );
    }
  }

  /** Until all is read, or nothing has come for a while: the server that sends may have died. */
  async #readOn(from: number, to: number, take: (sequence: number, data: Uint8Array) => void): Promise<void> {
    const consumer = await patiently(() =>
      this.#client.consumers.getPushConsumer(this.names.stream, { opt_start_seq: from }),
    );
    let failure: unknown;
    let heardMs = performance.now();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let isOver = false;
    const messages = await consumer.consume({
      callback: ({ seq, data }) => {
        heardMs = performance.now();
        if (isOver) return;
        try {
          if (seq <= to) take(seq, data);
        } catch (error) {
          failure = error;
        }
        if (!failure && seq < to) return;
        isOver = true;
        end();
      },
    });
    const watch = setInterval(() => {
      if (performance.now() - heardMs >= ANSWER_MS) end();
    }, ANSWER_MS / 10);
    await ended;
    isOver = true;
    clearInterval(watch);
    messages.stop();
    // It ends by itself as well, in five minutes: whether a server answers now is not worth waiting for.
    consumer.delete().catch(() => undefined);
    if (failure) throw failure;
  }

  /** Removes what stands before `sequence`. */
  async purge(sequence: number): Promise<void> {
    await patiently(() => this.#manager.streams.purge(this.names.stream, { seq: sequence }));
  }

  async #isThere(): Promise<boolean> {
    try {
      await this.#manager.streams.info(this.names.stream);
      return true;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return false;
      throw error;
    }
  }

  async #make(replicas: number): Promise<void> {
    await this.#manager.streams.add({
      name: this.names.stream,
      subjects: [this.names.subject],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      // Without a largest size: JetStream would set that much of its disk aside for each home, used or not. The owner
      // counts what it writes.
      discard: DiscardPolicy.New,
      num_replicas: replicas,
    });
  }
}
