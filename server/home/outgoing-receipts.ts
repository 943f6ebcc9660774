import { FLAG_UNDELIVERED, FrameType, type ItemFrame } from '../../protocol/frame.js';
import { type Bus, homeWorker, NO_GROUP, type Receipt } from '../bus/bus.js';
import { type HomeStore, VALUE_OFFSET } from '../store/home-store.js';
import { KeyKind, numberOf, numbersKey } from '../store/store-keys.js';
import type { TurnLog } from './turn-log.js';

/**
 * Receipts that homes of other workers have not taken over. Each is kept in one transaction with the end of its message,
 * and sent again whenever a home comes back, so it comes at least once.
 */
export class OutgoingReceipts {
  readonly #store: HomeStore;
  readonly #bus: Bus;
  readonly #log: TurnLog;

  constructor(store: HomeStore, bus: Bus, log: TurnLog) {
    this.#store = store;
    this.#bus = bus;
    this.#log = log;
  }

  /** Hot path. */
  send(home: number, receipt: Receipt): void {
    if (this.#store.isDurable) this.#store.stage(receiptKey(receipt), writeFlags(receipt));
    const { to, by, id, group, isUndelivered } = receipt;
    this.#log.answer(home, { kind: 'receipt', to, by, id, group, isUndelivered });
  }

  /** Hot path. The other home has it. */
  kept(receipt: Receipt): void {
    if (!this.#store.isDurable) return;
    this.#store.stage(receiptKey(receipt));
    this.#log.hear(homeWorker(receipt.to, this.#bus.homes));
  }

  /** Sends what that home may not have taken over: it was started again, or this one was. */
  resend(home: number): void {
    for (const kind of [KeyKind.Receipt, KeyKind.GroupReceipt]) {
      for (const { key, value } of this.#store.range(numbersKey(kind))) {
        const receipt = readReceipt(key, value);
        if (homeWorker(receipt.to, this.#bus.homes) !== home) continue;
        // Since the number of homes has changed, it may be this one: then it has it in a moment.
        if (home === this.#bus.self) this.kept(receipt);
        this.#bus.send(home, { kind: 'receipt', ...receipt });
      }
    }
  }
}

/** The item that a receipt becomes in the mailbox of the sender. */
export function receiptFrame({ by, id, group, isUndelivered }: Receipt): ItemFrame {
  if (group === NO_GROUP) return { type: FrameType.Receipt, sequence: 0, flags: 0, by, id };
  const flags = isUndelivered ? FLAG_UNDELIVERED : 0;
  return { type: FrameType.GroupReceipt, sequence: 0, flags, by, id, group };
}

function receiptKey({ by, to, id, group }: Receipt): Buffer {
  return group === NO_GROUP
    ? numbersKey(KeyKind.Receipt, by, to, id)
    : numbersKey(KeyKind.GroupReceipt, by, to, id, group);
}

function readReceipt(key: Buffer, value: Buffer): Receipt {
  return {
    by: numberOf(key, 0),
    to: numberOf(key, 1),
    id: numberOf(key, 2),
    group: key[0] === KeyKind.Receipt ? NO_GROUP : numberOf(key, 3),
    isUndelivered: value[VALUE_OFFSET] === FLAG_UNDELIVERED,
  };
}

function writeFlags({ isUndelivered }: Receipt): Buffer {
  const value = Buffer.allocUnsafe(VALUE_OFFSET + 1);
  value[VALUE_OFFSET] = isUndelivered ? FLAG_UNDELIVERED : 0;
  return value;
}
