import { formatAddress } from '../../../protocol/address.js';
import type { Promises } from '../../../record/promises.js';
import type { AgentPlan, Endpoint } from '../../agent-messages.js';
import { RunError } from '../../run-error.js';
import type { Transport, TransportListener } from '../../transports/transport.js';
import { GROUP_BIT } from '../driver.js';
import { type AdapterClient, type AdapterConnection, type AdapterDriver, reasonOf } from './adapter.js';
import { Ask, ITEM_HEAD_BYTES, NO_BODY, NOBODY, readItems, Told, writeItem } from './adapter-wire.js';

/** A library that takes longer to part is not waited for. */
const LONGEST_CLOSE_MS = 5000;

/** A message counts as refused if its connection stands so long after the library has said so. */
const REFUSAL_MS = 50;

/** A client that connects, or is connected. */
interface Carried {
  client: number;
  connection: AdapterConnection | undefined;
  /** Why it will have ended, where that is known before. */
  reason: string | undefined;
  isOver: boolean;
}

/** An adapter of somebody's own, as its file has told it. */
export interface Adapter {
  connect: AdapterDriver['connect'];
  /** Where it lies. */
  file: string;
  promises: Promises;
  settings: unknown;
}

/** Lets a client library carry the clients: one object of it a client. */
export class AdapterTransport implements Transport {
  readonly #connect: AdapterDriver['connect'];
  readonly #file: string;
  readonly #promises: Promises;
  readonly #settings: unknown;
  readonly #plan: AgentPlan;
  readonly #listener: TransportListener;
  readonly #carried = new Map<number, Carried>();
  #scratch = Buffer.alloc(1024);
  /** While a message is handed to the library, what that says at once has to wait: the writer of it is not done. */
  #isSending = false;
  #postponed: (() => void)[] = [];

  constructor(adapter: Adapter, plan: AgentPlan, listener: TransportListener) {
    this.#connect = adapter.connect;
    this.#file = adapter.file;
    this.#promises = adapter.promises;
    this.#settings = adapter.settings;
    this.#plan = plan;
    this.#listener = listener;
  }

  open(client: number, endpoint: Endpoint): void {
    const carried: Carried = { client, connection: undefined, reason: undefined, isOver: false };
    this.#carried.set(client, carried);
    void this.#open(carried, endpoint);
  }

  /** Hot path. The items of one client. */
  send(client: number, bytes: Buffer): boolean {
    const carried = this.#carried.get(client);
    const connection = carried?.connection;
    if (!carried || !connection) return true;
    this.#isSending = true;
    try {
      readItems(bytes, (kind, to, sequence, body) => {
        if (kind === Ask.Send) this.#sendMessage(carried, connection, to, sequence, body);
        else connection.keepAlive?.();
      });
    } finally {
      this.#isSending = false;
    }
    return true;
  }

  end(client: number): void {
    const carried = this.#carried.get(client);
    if (carried) this.#end(carried, 'PeerClosed', (connection) => connection.close());
  }

  cut(client: number): void {
    const carried = this.#carried.get(client);
    if (carried)
      this.#end(carried, 'Cut', (connection) => (connection.cut ?? connection.close).call(connection));
  }

  pause(client: number): void {
    this.#carried.get(client)?.connection?.pause?.();
  }

  resume(client: number): void {
    this.#carried.get(client)?.connection?.resume?.();
  }

  async #open(carried: Carried, endpoint: Endpoint): Promise<void> {
    try {
      const connection = await this.#connect(this.#clientOf(carried.client, endpoint));
      const lacks = (['send', 'onMessage', 'close'] as const).find(
        (name) => typeof connection?.[name] !== 'function',
      );
      if (lacks !== undefined) throw new Error(`what connect() has returned has no ${lacks}()`);
      if (carried.isOver) {
        // Nobody waits for it any more: it took too long.
        await connection.close();
        return;
      }
      this.#listen(carried, connection);
      carried.connection = connection;
    } catch (error) {
      this.#over(carried, reasonOf(error, 'ConnectFailed', this.#file));
      return;
    }
    this.#listener.opened(carried.client);
  }

  #listen(carried: Carried, connection: AdapterConnection): void {
    connection.onMessage((payload, isRedelivery = false) =>
      this.#tell(carried, Told.Delivered, isRedelivery ? 1 : 0, 0, payload),
    );
    connection.onReceipt?.(({ by, sequence }) =>
      this.#tell(carried, Told.Receipted, this.#clientBehind(by), sequence, NO_BODY),
    );
    connection.onEnd?.((reason) => {
      const words = reasonOf(reason, 'PeerClosed', this.#file);
      this.#soon(() => this.#over(carried, words));
    });
  }

  /** Hot path. The library may keep the payload, so it gets one of its own. */
  #sendMessage(
    carried: Carried,
    connection: AdapterConnection,
    to: number,
    sequence: number,
    body: Buffer,
  ): void {
    const message = {
      to: this.#plan.firstUser + to,
      toGroup: sequence >= GROUP_BIT,
      sequence,
      payload: Buffer.from(body),
    };
    let answer: unknown;
    try {
      answer = connection.send(message);
    } catch (error) {
      this.#refuse(carried, sequence, error);
      return;
    }
    if (isPromise(answer)) {
      answer.then(
        () => {
          if (this.#promises.accepted) this.#tell(carried, Told.Accepted, sequence, 0, NO_BODY);
        },
        (error: unknown) => this.#refuse(carried, sequence, error),
      );
    } else if (this.#promises.accepted) {
      throw new RunError(
        'C2M_RUN',
        'the driver promises accepted, and its send() has returned no promise that would say so',
      );
    }
  }

  /** Libraries give up what is under way when a connection ends, a moment before they tell of that end. */
  #refuse(carried: Carried, sequence: number, error: unknown): void {
    const reason = Buffer.from(reasonOf(error, 'NotSent', this.#file));
    setTimeout(() => this.#tell(carried, Told.Refused, sequence, 0, reason), REFUSAL_MS).unref();
  }

  /** Hot path. */
  #tell(carried: Carried, kind: number, first: number, second: number, body: Uint8Array): void {
    if (this.#isSending || this.#postponed.length > 0) {
      const kept = Buffer.from(body);
      this.#soon(() => this.#tellNow(carried, kind, first, second, kept));
    } else this.#tellNow(carried, kind, first, second, body);
  }

  /** Hot path. */
  #tellNow(carried: Carried, kind: number, first: number, second: number, body: Uint8Array): void {
    if (carried.isOver) return;
    const needed = ITEM_HEAD_BYTES + body.length;
    if (needed > this.#scratch.length) this.#scratch = Buffer.alloc(2 * needed);
    const end = writeItem(kind, first, second, body, this.#scratch, 0);
    this.#listener.received(carried.client, this.#scratch.subarray(0, end));
  }

  /** In the order in which it came, as soon as nothing is being sent. */
  #soon(act: () => void): void {
    this.#postponed.push(act);
    if (this.#postponed.length > 1) return;
    setImmediate(() => {
      const acts = this.#postponed;
      this.#postponed = [];
      for (const each of acts) each();
    });
  }

  /** @param part what is asked of the library, where it has connected already */
  #end(carried: Carried, reason: string, part: (connection: AdapterConnection) => unknown): void {
    carried.reason ??= reason;
    const { connection } = carried;
    const over = (): void => this.#over(carried, reason);
    if (!connection) {
      this.#soon(over);
      return;
    }
    setTimeout(over, LONGEST_CLOSE_MS).unref();
    Promise.resolve()
      .then(() => part(connection))
      .then(
        () => this.#soon(over),
        (error: unknown) => this.#over(carried, reasonOf(error, reason, this.#file)),
      );
  }

  #over(carried: Carried, reason: string): void {
    if (carried.isOver) return;
    carried.isOver = true;
    if (this.#carried.get(carried.client) === carried) this.#carried.delete(carried.client);
    this.#listener.closed(carried.client, carried.reason ?? reason);
  }

  #clientOf(client: number, endpoint: Endpoint): AdapterClient {
    const { firstUser, webSocket, insecure, tls } = this.#plan;
    return {
      user: firstUser + client,
      address: `${formatAddress({ ...endpoint, host: endpoint.name ?? endpoint.host })}${endpoint.path ?? ''}`,
      settings: this.#settings,
      headers: webSocket?.headers ?? {},
      isInsecure: insecure,
      tls,
      group: this.#groupOf(client),
    };
  }

  #groupOf(client: number): number[] | null {
    const { groups, count, firstUser } = this.#plan;
    if (!groups) return null;
    const first = client - (client % groups.members);
    const length = Math.min(groups.members, count - first);
    return Array.from({ length }, (_, index) => firstUser + first + index);
  }

  #clientBehind(user: number): number {
    const client = user - this.#plan.firstUser;
    return client >= 0 && client < this.#plan.count ? client : NOBODY;
  }
}

/** Libraries have promises of other makes, too. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
