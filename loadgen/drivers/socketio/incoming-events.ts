import type { SocketioSettings } from '../../../scenarios/drivers/socketio-schema.js';
import { isSentBy } from '../../agent/payload.js';
import type { ClientEvents, ClientRange } from '../driver.js';
import { type DataPath, dataPath, valueAt, wholeNumberAt } from './data-path.js';

const FIRST_SCRATCH_BYTES = 4096;

/** An event with a message in it, and where. */
interface Delivery {
  event: string;
  payload: DataPath;
}

/** An event that says of a message that it has arrived; `by` undefined: at the partner. */
interface Receipt {
  event: string;
  sequence: DataPath;
  by: DataPath | undefined;
}

/** What events of the server mean to its clients. */
export class IncomingEvents {
  readonly #clients: ClientRange;
  readonly #events: ClientEvents;
  readonly #isToSelf: boolean;
  readonly #deliveries: Delivery[];
  readonly #receipt: Receipt | undefined;
  /** Payloads are decoded in here: each is done with when its call is. */
  #scratch = Buffer.allocUnsafeSlow(FIRST_SCRATCH_BYTES);

  constructor(settings: SocketioSettings, clients: ClientRange, events: ClientEvents) {
    this.#clients = clients;
    this.#events = events;
    this.#isToSelf = settings.recipient === 'sender';
    this.#deliveries = [settings.message, ...(settings.groupMessage ? [settings.groupMessage] : [])].map(
      ({ event, payload }) => ({ event, payload: dataPath(payload) }),
    );
    const { receipt } = settings;
    this.#receipt = receipt && {
      event: receipt.event,
      sequence: dataPath(receipt.sequence),
      by: receipt.by === undefined ? undefined : dataPath(receipt.by),
    };
  }

  /**
   * Hot path. An event came.
   * @returns whether it was a message: the server may want to hear that it has arrived
   */
  take(client: number, name: string, args: readonly unknown[]): boolean {
    for (const { event, payload } of this.#deliveries) {
      if (event !== name) continue;
      const text = valueAt(args, payload);
      // Servers say other things in the same event: who came, who types.
      if (typeof text !== 'string') continue;
      this.#deliver(client, text);
      return true;
    }
    if (this.#receipt?.event === name) this.#receipted(client, args, this.#receipt);
    return false;
  }

  /** Hot path. */
  #deliver(client: number, text: string): void {
    if (text.length > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(2 * text.length);
    const payload = this.#scratch.subarray(0, this.#scratch.write(text, 'base64'));
    const { groupMembers, firstUser } = this.#clients;
    // Many servers send a room all that is said in it.
    const isEcho = groupMembers !== null && !this.#isToSelf && isSentBy(firstUser + client, payload);
    if (!isEcho) this.#events.delivered(client, payload, false);
  }

  #receipted(client: number, args: readonly unknown[], receipt: Receipt): void {
    const sequence = wholeNumberAt(args, receipt.sequence);
    if (sequence === undefined) return;
    if (receipt.by === undefined) {
      this.#events.receipted(client, this.#isToSelf ? client : client ^ 1, sequence);
      return;
    }
    const user = wholeNumberAt(args, receipt.by);
    if (user !== undefined) this.#events.receipted(client, user - this.#clients.firstUser, sequence);
  }
}
