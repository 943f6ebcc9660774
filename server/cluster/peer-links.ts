import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { BusMessage } from '../bus/bus.js';
import { type BatchHeader, type Marker, readBatchHeader } from './batch-codec.js';
import { checkBatchRoom, type FrameLimits, mostMessageBytes, noRoomFor } from './batch-room.js';
import { BUS_MAJOR, BUS_VERSIONS, BusVersionError, commonVersion } from './bus-version.js';
import type { Peer } from './membership.js';
import { PeerLink } from './peer-link.js';

/** What came is confirmed within it, where nothing is said that does so. */
const CONFIRM_WITHIN_MS = 5;
const TICK_MS = 100;
/** At the end others may still confirm what was said, for so long. */
const CLOSE_WITHIN_MS = 1000;

/** A peer that lets so much wait is told of, and one that lets so much wait is given up. */
const BEHIND_BYTES = 64 * 1_048_576;
const MOST_WAITING_BYTES = 256 * 1_048_576;

/** Peers that were heard before membership has shown them. Of more it is only found later that they have waited. */
const MOST_STRANGERS = 1024;

/** What the bus uses of a connection to NATS, which is made, and made again, by whoever has it. */
export type BusConnection = Pick<NatsConnection, 'publish' | 'subscribe' | 'flush' | 'isClosed' | 'info'>;

export interface PeerLinksOptions {
  connection: BusConnection;
  /** Its name, one token of a subject. */
  cluster: string;
  /** How many there are. */
  homes: number;
  /** Of what clients send; see `checkBatchRoom`. */
  limits?: FrameLimits;
  /**
   * A peer has let more than `mostWaitingBytes` wait: it is as if it were down, what waits for it is dropped, and it can be
   * talked to again only under another number, of it or of this one.
   */
  stuck?(peer: number): void;
  /** Something is wrong that people must see to; each is told once. */
  trouble?(words: string): void;
  /** 64 MiB and 256 MiB unless said otherwise. */
  behindBytes?: number;
  mostWaitingBytes?: number;
}

/** Who takes what comes from other peers. */
export interface LinksReceiver {
  /** Hot path. @param home whom it is for, or which home says it */
  message(home: number, message: BusMessage, peer: number): void;
  marker(marker: Marker, home: number, epoch: number, peer: number): void;
  gathered(): void;
  drained(): void;
}

export interface PeerStats {
  peer: number;
  /** Gathered, and sent but not confirmed. */
  waitingBytes: number;
  /** More waits for it than should. */
  isBehind: boolean;
  /** Batches; `repeated` were sent once more, `duplicates` came once more. */
  sent: number;
  received: number;
  repeated: number;
  duplicates: number;
}

/**
 * The links to all other peers, over one connection to NATS: each peer has a subject on which it is told everything. Who is
 * there is said by membership, so nothing is sent where there is nothing to say.
 */
export class PeerLinks {
  readonly #options: PeerLinksOptions;
  /** Bytes of all links, and what their owner adds. */
  readonly #waiting: { bytes: number };
  readonly #receiver: LinksReceiver;
  /** Everybody else who is there. */
  readonly #peers = new Map<number, Peer>();
  readonly #links = new Map<number, PeerLink>();
  /** Peers that were given up, until they are down. */
  readonly #stuck = new Set<number>();
  readonly #strangers = new Set<number>();
  /** Those with something gathered. */
  #filled: PeerLink[] = [];
  readonly #owing = new Set<PeerLink>();
  readonly #told = new Set<string>();
  readonly #tick: NodeJS.Timeout;
  #confirmTimer: NodeJS.Timeout | undefined;
  #self: Peer | undefined;
  #subscription: Subscription | undefined;
  #bad = 0;

  /** @throws RangeError for a name that cannot be part of a subject */
  constructor(options: PeerLinksOptions, waiting: { bytes: number }, receiver: LinksReceiver) {
    if (!/^[\w-]+$/.test(options.cluster))
      throw new RangeError(`cluster "${options.cluster}": use letters, digits, "-" and "_"`);
    this.#options = options;
    this.#waiting = waiting;
    this.#receiver = receiver;
    this.#tick = setInterval(() => {
      for (const link of this.#links.values()) link.tick();
    }, TICK_MS);
    this.#tick.unref();
  }

  /** Messages of NATS that could not be read, or not wholly. */
  get bad(): number {
    return this.#bad;
  }

  get stats(): PeerStats[] {
    const behindBytes = this.#options.behindBytes ?? BEHIND_BYTES;
    return [...this.#links.values()].map((link) => {
      const { peer, waitingBytes, sent, received, repeated, duplicates } = link;
      return {
        peer,
        waitingBytes,
        isBehind: waitingBytes > behindBytes,
        sent,
        received,
        repeated,
        duplicates,
      };
    });
  }

  /** Hot path. @returns undefined where that peer is not there, or is this one */
  get(peer: number): PeerLink | undefined {
    return this.#links.get(peer);
  }

  /** See `ClusterBus.join`. */
  async join(self: Peer): Promise<void> {
    const { connection, cluster, limits } = this.#options;
    checkBatchRoom(connection, limits);
    this.#subscription?.unsubscribe();
    for (const link of this.#links.values()) link.end();
    for (const each of [this.#links, this.#stuck, this.#strangers, this.#owing]) each.clear();
    this.#filled = [];
    this.#self = self;
    for (const peer of this.#peers.values()) this.#linkOrTell(self, peer);
    this.#subscription = connection.subscribe(subjectOf(cluster, self.number), {
      callback: (error, message) => {
        if (error) this.#tell('subscription', `the subject of the bus: ${error.message}`);
        else this.#take(message.data);
      },
    });
    // The server has it before others learn of this peer. Where the connection is away just now it follows by itself.
    await connection.flush().catch(() => undefined);
  }

  /** @throws BusVersionError where it does not speak with this one: nothing is sent to it */
  up(peer: Peer): void {
    if (this.#self) this.#link(this.#self, peer);
    this.#peers.set(peer.number, peer);
  }

  down(peer: number): void {
    this.#peers.delete(peer);
    this.#stuck.delete(peer);
    this.#strangers.delete(peer);
    this.#forget(peer);
    this.#told.delete(troubleWith(peer));
  }

  /** One batch a peer. */
  flush(): void {
    if (this.#filled.length === 0) return;
    const filled = this.#filled;
    this.#filled = [];
    const mostBytes = this.#options.mostWaitingBytes ?? MOST_WAITING_BYTES;
    for (const link of filled) {
      link.flush();
      if (link.waitingBytes > mostBytes) this.#giveUp(link);
    }
  }

  /** Resolves when each of the others has confirmed what was said to it up to now, or is gone. */
  async confirmed(): Promise<void> {
    const said = [...this.#links.values()].map((link) => ({ link, number: link.said }));
    while (said.some(({ link, number }) => !link.hasConfirmed(number)))
      await new Promise((resolve) => setTimeout(resolve, CONFIRM_WITHIN_MS));
  }

  /** Resolves when others have confirmed what was said, or are not heard. */
  async close(): Promise<void> {
    const { connection } = this.#options;
    const end = performance.now() + CLOSE_WITHIN_MS;
    const isWaiting = (): boolean => [...this.#links.values()].some(({ waitingBytes }) => waitingBytes > 0);
    while (isWaiting() && performance.now() < end && !connection.isClosed())
      await new Promise((resolve) => setTimeout(resolve, CONFIRM_WITHIN_MS));
    this.#confirmAll();
    clearInterval(this.#tick);
    for (const link of this.#links.values()) link.end();
    this.#links.clear();
    if (connection.isClosed()) return;
    this.#subscription?.unsubscribe();
    await connection.flush().catch(() => undefined);
  }

  #link(self: Peer, peer: Peer): void {
    const { number } = peer;
    if (number === self.number || this.#links.has(number) || this.#stuck.has(number)) return;
    const { cluster, homes } = this.#options;
    const subject = subjectOf(cluster, number);
    const version = commonVersion(self, peer);
    const link: PeerLink = new PeerLink(
      { self: self.number, peer: number, version, homes, waiting: this.#waiting },
      {
        publish: (bytes) => this.#publish(subject, bytes, peer),
        nowMs: () => performance.now(),
        message: (home, message) => this.#receiver.message(home, message, number),
        marker: (marker, home, epoch) => this.#receiver.marker(marker, home, epoch, number),
        gathered: () => {
          this.#filled.push(link);
          if (this.#filled.length === 1) this.#receiver.gathered();
        },
        owes: () => this.#owe(link),
        drained: this.#receiver.drained,
        trouble: (words) => this.#found(peer, words),
      },
    );
    this.#links.set(number, link);
    // It has been talking for a while, and would be asked again only when nothing is confirmed.
    if (this.#strangers.delete(number)) link.sayLacks();
  }

  /** Hot path. One message of NATS. */
  #publish(subject: string, bytes: Buffer, { number, node }: Peer): void {
    const { connection } = this.#options;
    // Whoever has closed it for good knows.
    if (connection.isClosed()) return;
    const mostBytes = mostMessageBytes(connection);
    if (bytes.length <= mostBytes) connection.publish(subject, bytes);
    // As if it were lost on its way: it is sent again until there is room for it.
    else this.#tell('room', noRoomFor(bytes.length, `node ${node} (peer ${number})`, mostBytes));
  }

  /** Somebody who does not speak with this peer is no reason for it to stay away. */
  #linkOrTell(self: Peer, peer: Peer): void {
    try {
      this.#link(self, peer);
    } catch (error) {
      if (!(error instanceof BusVersionError)) throw error;
      this.#tell(`versions ${peer.number}`, error.message);
    }
  }

  #forget(peer: number): void {
    const link = this.#links.get(peer);
    if (!link) return;
    link.end();
    this.#links.delete(peer);
    this.#owing.delete(link);
    this.#filled = this.#filled.filter((each) => each !== link);
  }

  #giveUp({ peer }: PeerLink): void {
    this.#forget(peer);
    this.#stuck.add(peer);
    // Not in the middle of a turn, which goes on with what it has to say.
    queueMicrotask(() => this.#options.stuck?.(peer));
  }

  /** Hot path. One message of NATS that has come. */
  #take(data: Uint8Array): void {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const header = readBatchHeader(bytes);
    if (!header) {
      this.#bad += 1;
      this.#tell(
        'garbage',
        'what came on the subject of the bus is no batch: only peers of the cluster may publish there',
      );
      return;
    }
    // For the number that this peer had before.
    if (header.to !== this.#self?.number) return;
    const link = this.#links.get(header.from);
    if (link) this.#takeFrom(link, header, bytes);
    else if (this.#strangers.size < MOST_STRANGERS) this.#strangers.add(header.from);
  }

  #takeFrom(link: PeerLink, header: BatchHeader, bytes: Buffer): void {
    const { oldest, newest } = this.#self?.versions ?? BUS_VERSIONS;
    const peer = this.#peers.get(link.peer) as Peer;
    if (header.version < oldest || header.version > newest) {
      this.#found(peer, `version ${header.version} of the bus, which this node does not speak`);
      return;
    }
    try {
      link.take(header, bytes);
    } catch (error) {
      // A fault of this process. Thrown from here it would end the reading of the connection, and nobody would hear of it.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #owe(link: PeerLink): void {
    this.#owing.add(link);
    this.#confirmTimer ??= setTimeout(() => this.#confirmAll(), CONFIRM_WITHIN_MS);
  }

  #confirmAll(): void {
    clearTimeout(this.#confirmTimer);
    this.#confirmTimer = undefined;
    for (const link of this.#owing) link.confirm();
    this.#owing.clear();
  }

  #found({ number, node }: Peer, words: string): void {
    this.#bad += 1;
    this.#tell(troubleWith(number), `from node ${node} (peer ${number}): ${words}`);
  }

  #tell(about: string, words: string): void {
    if (this.#told.has(about)) return;
    this.#told.add(about);
    this.#options.trouble?.(words);
  }
}

function subjectOf(cluster: string, peer: number): string {
  return `c2m.${cluster}.bus.${BUS_MAJOR}.${peer}`;
}

function troubleWith(peer: number): string {
  return `peer ${peer}`;
}
