/** One packet: a message with its number, and how many of the other side's messages have come, in order. */
export interface Packet<Message> {
  /** 1, 2, 3 …; 0: no message, it only says that this side is there. */
  number: number;
  heard: number;
  message?: Message;
}

/** What a channel needs of the world. */
export interface ChannelWays<Out, In> {
  publish(packet: Packet<Out>): void;
  /** Each message of the other side once, in the order in which they were sent. */
  deliver(message: In): void;
  nowMs(): number;
}

/** What nobody has confirmed by then is sent again: NATS delivers at most once, and not while it restarts. */
const REPEAT_AFTER_MS = 1000;
/** Nothing else to say: the other side hears at least this often that this one is there. */
const BEAT_MS = 500;
/** Messages of one repetition; those behind them follow when these are confirmed. */
const REPEATED_AT_ONCE = 64;
/** So many messages are confirmed at once, and not with the next beat. */
const CONFIRMED_AT_ONCE = 32;

/**
 * Numbered messages both ways between a coordinator and one machine. What NATS drops is sent again, what comes twice is
 * dropped, so samples are merged once each, whatever becomes of the connection in between. To a side that says nothing
 * only new messages and beats are sent, so a way that was cut is not flooded with repetitions when it is there again. What waits
 * for confirmation is bounded by time: a side that is silent for `LOST_AFTER_MS` (messages.ts) is given up.
 */
export class Channel<Out, In> {
  readonly #ways: ChannelWays<Out, In>;
  readonly #unconfirmed: { number: number; message: Out }[] = [];
  #sent = 0;
  #heard = 0;
  #confirmed = 0;
  #lastSaidMs: number;
  #lastHeardMs: number;
  /** When the oldest of the unconfirmed was sent the last time, or one before it was confirmed. */
  #progressMs: number;
  /** A repetition goes up to `end`, and has got to `to`. */
  #repeating: { to: number; end: number } | undefined;

  constructor(ways: ChannelWays<Out, In>) {
    this.#ways = ways;
    this.#lastSaidMs = ways.nowMs();
    this.#lastHeardMs = this.#lastSaidMs;
    this.#progressMs = this.#lastSaidMs;
  }

  /** How long the other side has said nothing. */
  get silentMs(): number {
    return this.#ways.nowMs() - this.#lastHeardMs;
  }

  /** Messages that the other side has not confirmed. */
  get underWay(): number {
    return this.#unconfirmed.length;
  }

  send(message: Out): void {
    this.#sent += 1;
    if (this.#unconfirmed.length === 0) this.#progressMs = this.#ways.nowMs();
    this.#unconfirmed.push({ number: this.#sent, message });
    this.#publish({ number: this.#sent, message });
  }

  /** Takes a packet of the other side. */
  take({ number, heard, message }: Packet<In>): void {
    this.#lastHeardMs = this.#ways.nowMs();
    this.#confirm(heard);
    // One from behind a gap comes again, after what is missing.
    if (number !== this.#heard + 1) return;
    this.#heard = number;
    this.#ways.deliver(message as In);
    if (this.#heard - this.#confirmed >= CONFIRMED_AT_ONCE) this.#publish({ number: 0 });
  }

  /** To be called several times a second: repeats what nobody confirmed, and says that this side is there. */
  tick(): void {
    const nowMs = this.#ways.nowMs();
    const isOverdue = this.#unconfirmed.length > 0 && nowMs - this.#progressMs >= REPEAT_AFTER_MS;
    if (isOverdue && this.#lastHeardMs > this.#progressMs) this.#repeat(this.#sent);
    else if (nowMs - this.#lastSaidMs >= BEAT_MS) this.#publish({ number: 0 });
  }

  #confirm(heard: number): void {
    const before = this.#unconfirmed.length;
    while (this.#unconfirmed[0] && this.#unconfirmed[0].number <= heard) this.#unconfirmed.shift();
    if (this.#unconfirmed.length === before) return;
    this.#progressMs = this.#lastHeardMs;
    if (this.#repeating && heard >= this.#repeating.to) this.#repeat(this.#repeating.end);
  }

  /** The oldest of the unconfirmed up to `end`. */
  #repeat(end: number): void {
    this.#progressMs = this.#ways.nowMs();
    const next = this.#unconfirmed.slice(0, REPEATED_AT_ONCE).filter(({ number }) => number <= end);
    const last = next.at(-1);
    this.#repeating = last && { to: last.number, end };
    for (const each of next) this.#publish(each);
  }

  #publish(packet: { number: number; message?: Out }): void {
    this.#lastSaidMs = this.#ways.nowMs();
    this.#confirmed = this.#heard;
    this.#ways.publish({ ...packet, heard: this.#heard });
  }
}
