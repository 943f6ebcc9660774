import type { NatsSettings } from '../../../scenarios/drivers/nats-schema.js';
import type { ClientRange, Output } from '../driver.js';
import type { Inboxes } from './inboxes.js';
import {
  type ConsumerKind,
  type JetStreamAnswer,
  JetStreamError,
  makeConsumer,
  makeStream,
  reasonOf,
} from './jetstream-requests.js';
import { groupOf, userOf } from './subjects.js';

/** What a client has asked for last. */
const Asked = { Nothing: 0, Stream: 1, Consumer: 2, GroupConsumer: 3 } as const;

/** Makes what a client needs of JetStream, one request after the other: the stream, its consumer, that of its group. */
export class JetStreamLogin {
  readonly #settings: NatsSettings;
  readonly #clients: ClientRange;
  readonly #inboxes: Inboxes;
  readonly #asked: Uint8Array;
  /** Some client has seen the stream: the others need not ask for it. */
  #isStreamThere = false;

  constructor(settings: NatsSettings, clients: ClientRange, inboxes: Inboxes) {
    this.#settings = settings;
    this.#clients = clients;
    this.#inboxes = inboxes;
    this.#asked = new Uint8Array(clients.count);
  }

  begin(client: number, out: Output): void {
    if (this.#isStreamThere) this.#askForConsumer(client, 'user', out);
    else this.#askForStream(client, out);
  }

  /**
   * The server answers, and is asked for what comes next.
   * @returns `ready` when nothing does; `{ reason }` where it does not do what it is asked
   */
  answered(client: number, { error }: JetStreamAnswer, out: Output): 'asked' | 'ready' | { reason: string } {
    const asked = this.#asked[client];
    const code = error?.err_code;
    if (asked === Asked.Stream && (!error || code === JetStreamError.StreamExistsOtherwise)) {
      this.#isStreamThere = true;
      this.#askForConsumer(client, 'user', out);
    } else if (asked !== Asked.Stream && code === JetStreamError.StreamNotFound) {
      // A server that kept it in memory has been started again.
      this.#isStreamThere = false;
      this.#askForStream(client, out);
    } else if (error) {
      return { reason: reasonOf(error) };
    } else if (asked === Asked.Consumer && this.#clients.groupMembers !== null) {
      this.#askForConsumer(client, 'group', out);
    } else if (asked !== Asked.Nothing) {
      this.#asked[client] = Asked.Nothing;
      return 'ready';
    }
    return 'asked';
  }

  #askForStream(client: number, out: Output): void {
    this.#asked[client] = Asked.Stream;
    out.writeText(makeStream(this.#settings, `${this.#inboxes.of(client)}.r.stream`));
  }

  #askForConsumer(client: number, kind: ConsumerKind, out: Output): void {
    this.#asked[client] = kind === 'user' ? Asked.Consumer : Asked.GroupConsumer;
    const inbox = this.#inboxes.of(client);
    const whose = { user: userOf(this.#clients, client), group: groupOf(this.#clients, client) };
    out.writeText(makeConsumer(this.#settings, kind, whose, `${inbox}.${kind}`, `${inbox}.r.${kind}`));
  }
}
