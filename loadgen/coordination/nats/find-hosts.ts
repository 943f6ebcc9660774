import { randomUUID } from 'node:crypto';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import { parseJson } from '../parse-json.js';
import { type Announcement, type FindHosts, SUBJECTS } from './messages.js';

/** A machine that has answered. */
export type FoundHost =
  | { isSameVersion: true; id: string; name: string; version: string; announcement: Announcement }
  /** What else it says of itself is not known here. */
  | { isSameVersion: false; id: string; name: string; version: string };

/** What a scenario wants of a machine. */
export interface WantedHost {
  /** Of c2m. */
  version: string;
  /** All of which it must have. */
  labels: readonly string[];
  transport: 'sockets' | 'packets';
}

/** An id is part of a subject. */
const headSchema = z.looseObject({
  id: z.string().regex(/^[A-Za-z0-9_-]+$/),
  name: z.string(),
  version: z.string(),
});

/** What is read of a machine of this version before anything is known of it; the rest is handed on as it came. */
const announcementSchema = z.looseObject({
  labels: z.array(z.string()),
  allow: z.array(z.string()),
  packets: z.union([z.literal(true), z.string()]),
  busy: z.object({ run: z.string(), words: z.string() }).nullable(),
  facts: z.looseObject({
    cores: z.number(),
    availableBytes: z.number(),
    openFiles: z.looseObject({ soft: z.number().nullable() }),
  }),
  environment: z.looseObject({}),
});

/** Asked again so often: a machine that was just being started, or a question that was dropped. */
const ASK_EVERY_MS = 500;

/** Asks who is there until it is closed, and keeps what each machine said last. */
export class HostSearch {
  readonly #connection: NatsConnection;
  readonly #question: string;
  readonly #inbox = `_INBOX.c2m.${randomUUID()}`;
  readonly #answers: Subscription;
  readonly #asking: NodeJS.Timeout;
  readonly #listeners = new Set<() => void>();
  readonly #found = new Map<string, FoundHost>();

  /** @param version of c2m */
  constructor(connection: NatsConnection, version: string) {
    this.#connection = connection;
    this.#question = JSON.stringify({ kind: 'find', version } satisfies FindHosts);
    this.#answers = connection.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (!error) this.#take(message.string(), version);
      },
    });
    this.#asking = setInterval(() => this.#ask(), ASK_EVERY_MS);
    this.#ask();
  }

  /** By name. */
  get found(): FoundHost[] {
    return [...this.#found.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Forgets what was said, so that only those who are still there, as they are by then, are found. */
  again(): void {
    this.#found.clear();
    this.#ask();
  }

  /** Resolves as soon as `isEnough`, which is asked after each answer, or after `ms`, or when the signal aborts. */
  async until(isEnough: () => boolean, ms: number, signal?: AbortSignal): Promise<void> {
    if (isEnough() || signal?.aborted) return;
    let end: () => void = () => undefined;
    let timer: NodeJS.Timeout | undefined;
    const look = (): void => {
      if (isEnough()) end();
    };
    try {
      await new Promise<void>((resolve) => {
        end = resolve;
        timer = setTimeout(resolve, ms);
        signal?.addEventListener('abort', end);
        this.#listeners.add(look);
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      this.#listeners.delete(look);
    }
  }

  close(): void {
    clearInterval(this.#asking);
    if (!this.#connection.isClosed()) this.#answers.unsubscribe();
  }

  #ask(): void {
    if (!this.#connection.isClosed())
      this.#connection.publish(SUBJECTS.find, this.#question, { reply: this.#inbox });
  }

  #take(text: string, version: string): void {
    const host = readAnnouncement(text, version);
    // Whatever that is, it is no machine of ours; whoever misses it sees that it is not in the list.
    if (!host) return;
    this.#found.set(host.id, host);
    for (const look of [...this.#listeners]) look();
  }
}

function readAnnouncement(text: string, version: string): FoundHost | undefined {
  const said = parseJson(text);
  const head = headSchema.safeParse(said).data;
  if (!head) return undefined;
  const { id, name } = head;
  if (head.version !== version) return { isSameVersion: false, id, name, version: head.version };
  if (!announcementSchema.safeParse(said).success) return undefined;
  return { isSameVersion: true, id, name, version, announcement: said as Announcement };
}

/** Why a machine is not for this run, in words that follow its name; null: it is. */
export function whyNot(host: FoundHost, { version, labels, transport }: WantedHost): string | null {
  if (!host.isSameVersion)
    return `runs c2m ${host.version}, and this is ${version}; install the same version on both`;
  const { busy, packets, labels: its } = host.announcement;
  const lacking = labels.filter((label) => !its.includes(label));
  if (lacking.length > 0) {
    const what = `${lacking.length === 1 ? 'the label' : 'the labels'} ${lacking.join(', ')}`;
    return `lacks ${what}; start its agent with --label ${lacking.join(' --label ')}, or correct agents.labels`;
  }
  if (transport === 'packets' && packets !== true) return `cannot carry packets: ${packets}`;
  return busy === null ? null : `is busy with ${busy.words}`;
}

/** Those that hold most first; of equals always the same first. */
export function byCapacity(one: Announcement, other: Announcement): number {
  const files = ({ facts }: Announcement): number => facts.openFiles.soft ?? Number.MAX_SAFE_INTEGER;
  return (
    other.facts.cores - one.facts.cores ||
    files(other) - files(one) ||
    other.facts.availableBytes - one.facts.availableBytes ||
    (one.id < other.id ? -1 : 1)
  );
}
