import { build, type Histogram } from 'hdr-histogram-js';
import { Bystander } from './bystander.js';
import { addCounts } from './tally.js';

export interface BystanderOrder {
  port: number;
  /** An even number of users, who write to each other two by two. */
  users: number;
  messagesPerSecond: number;
  /** One more, who writes to this user ten times a second. */
  friendOf: number | null;
}

export interface Latency {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** What bystanders saw since they were last asked. */
export interface BystanderReport {
  sent: number;
  accepted: Latency;
  delivered: Latency;
  refused: Record<string, number>;
  cut: Record<string, number>;
  /** At the end: messages that were accepted, and then not delivered. */
  missing: number;
  unanswered: number;
}

/** Above what an attack uses. */
const FIRST_USER = 900_000_000;
const FRIEND = FIRST_USER + 1_000_000;
const PAYLOAD = Buffer.alloc(100, 'b');
const FRIEND_EVERY_MS = 100;
const LAST_ANSWERS_MS = 5000;

/** Users who talk at times fixed in advance, whatever the server does: latency counts from when a message was due. */
export class Bystanders {
  readonly #order: BystanderOrder;
  readonly #users: Bystander[];
  readonly #friend: Bystander | undefined;
  /** By sender and id. */
  readonly #undelivered = new Map<string, number>();
  #accepted = newHistogram();
  #delivered = newHistogram();
  #refused: Record<string, number> = {};
  #cut: Record<string, number> = {};
  #sent = 0;
  #startedMs = 0;
  #due = 0;
  #timers: NodeJS.Timeout[] = [];

  constructor(order: BystanderOrder) {
    this.#order = order;
    const listener = {
      accepted: (dueMs: number) => record(this.#accepted, dueMs),
      delivered: (from: number, id: number) => {
        const dueMs = this.#undelivered.get(`${from} ${id}`);
        if (dueMs === undefined) return;
        this.#undelivered.delete(`${from} ${id}`);
        record(this.#delivered, dueMs);
      },
      refused: (reason: string, from: number, id: number) => {
        this.#undelivered.delete(`${from} ${id}`);
        addCounts(this.#refused, { [reason]: 1 });
      },
      cut: (reason: string) => addCounts(this.#cut, { [reason]: 1 }),
    };
    this.#users = Array.from(
      { length: order.users },
      (_, index) => new Bystander(FIRST_USER + index, order.port, listener),
    );
    if (order.friendOf !== null) this.#friend = new Bystander(FRIEND, order.port, listener);
  }

  /** Resolves when all are in. */
  async start(): Promise<void> {
    const all = [...this.#users, ...(this.#friend ? [this.#friend] : [])];
    for (const user of all) user.connect();
    while (!all.every(({ isIn }) => isIn)) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#startedMs = performance.now();
    this.#timers.push(setInterval(() => this.#sendWhatIsDue(), 1));
    const friendOf = this.#order.friendOf;
    if (friendOf === null) return;
    this.#timers.push(
      setInterval(() => this.#friend?.send(friendOf, PAYLOAD, performance.now()), FRIEND_EVERY_MS),
    );
  }

  /** Since the last call. */
  take(): BystanderReport {
    const report = {
      sent: this.#sent,
      accepted: latencyOf(this.#accepted),
      delivered: latencyOf(this.#delivered),
      refused: this.#refused,
      cut: this.#cut,
      missing: this.#undelivered.size,
      unanswered: this.#unanswered().length,
    };
    this.#sent = 0;
    this.#accepted = newHistogram();
    this.#delivered = newHistogram();
    this.#refused = {};
    this.#cut = {};
    return report;
  }

  /** Sends no more, waits for the last answers, and leaves. What has none by then counts as long as it has waited. */
  async finish(): Promise<BystanderReport> {
    for (const timer of this.#timers) clearInterval(timer);
    const untilMs = performance.now() + LAST_ANSWERS_MS;
    while (performance.now() < untilMs && this.#undelivered.size + this.#unanswered().length > 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    for (const { dueMs } of this.#unanswered()) record(this.#accepted, dueMs);
    for (const dueMs of this.#undelivered.values()) record(this.#delivered, dueMs);
    const report = this.take();
    for (const user of this.#users) user.leave();
    this.#friend?.leave();
    return report;
  }

  #unanswered() {
    return this.#users.flatMap((user) => [...user.unanswered]);
  }

  #sendWhatIsDue(): void {
    const everyMs = 1000 / this.#order.messagesPerSecond;
    const nowMs = performance.now();
    for (;;) {
      const dueMs = this.#startedMs + this.#due * everyMs;
      if (dueMs > nowMs) return;
      const index = this.#due % this.#users.length;
      const sender = this.#users[index] as Bystander;
      const id = sender.send(FIRST_USER + (index ^ 1), PAYLOAD, dueMs);
      this.#undelivered.set(`${sender.user} ${id}`, dueMs);
      this.#due += 1;
      this.#sent += 1;
    }
  }
}

function newHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
  });
}

function record(histogram: Histogram, dueMs: number): void {
  histogram.recordValue(Math.min(120_000_000, Math.max(1, Math.round((performance.now() - dueMs) * 1000))));
}

function latencyOf(histogram: Histogram): Latency {
  return {
    p50Ms: histogram.getValueAtPercentile(50) / 1000,
    p99Ms: histogram.getValueAtPercentile(99) / 1000,
    maxMs: histogram.maxValue / 1000,
  };
}
