import type { Bus, BusMessage, ConnectionMessage, HomeMessage, Homes, ProcessBus } from '../bus/bus.js';
import type { Marker } from './batch-codec.js';
import { HeldMessages } from './held-messages.js';
import { HomeAddresses } from './home-addresses.js';
import type { Peer } from './membership.js';
import { PeerLinks, type PeerLinksOptions, type PeerStats } from './peer-links.js';

export type ClusterBusOptions = PeerLinksOptions;

/** Who takes what comes over the bus. */
export interface ClusterReceiver {
  /** Hot path. A message for a home that is open here. `payload`s in it are valid during the call only. */
  toHome(home: number, message: HomeMessage): void;
  /** Hot path. For a connection of this process, from that home. */
  toConnection(message: ConnectionMessage, home: number): void;
  /** A peer holds back what it has to say to a home that moves away from here: all that it has said before has come. */
  held(home: number, epoch: number, peer: number): void;
  /** A peer knows that this home is here now; what it held back follows. */
  here(home: number, epoch: number, peer: number): void;
  /** The first message since `flush` was gathered for another process: `flush` is due at the end of this turn. */
  gathered(): void;
  /** Another process has taken all that waited for it. */
  drained(): void;
}

export interface ClusterBusStats {
  peers: PeerStats[];
  waitingBytes: number;
  /** For homes that move. */
  heldBytes: number;
  /** Messages of NATS that could not be read, or not wholly. */
  bad: number;
}

/**
 * The bus between the peers of a cluster, one a process. Homes and connections are named by addresses (`HomeAddresses`):
 * messages to those that are here are calls, those to others go over the links between peers, each once and in order.
 * Membership says who is there and which peer has which home; while a home moves, what is said to it is held.
 */
export class ClusterBus {
  readonly gateway: ProcessBus;
  readonly #addresses: HomeAddresses;
  readonly #homes: Homes;
  /** Of all links, and what is held. */
  readonly #waiting = { bytes: 0 };
  readonly #links: PeerLinks;
  /** By home: the number of the peer that has it. */
  readonly #places: (number | undefined)[] = [];
  /** By home: the epoch in which that peer has it, where it was said. */
  readonly #epochs: (number | undefined)[] = [];
  /** By home: what waits until it has moved. */
  readonly #held: (HeldMessages | undefined)[] = [];
  readonly #homeViews: (Bus | undefined)[] = [];
  /** By home: the epoch in which it was opened here last. */
  readonly #opened: (number | undefined)[] = [];
  /** From homes here to homes here, and how many of them were delivered. */
  #local: { home: number; message: HomeMessage }[] = [];
  #delivered = 0;
  /** Number of this peer, once it has one. */
  #self: number | undefined;
  #receiver: ClusterReceiver | undefined;

  /** @throws RangeError for a number of homes, or a name, that a cluster cannot have */
  constructor(options: ClusterBusOptions) {
    this.#addresses = new HomeAddresses(options.homes);
    this.#homes = { first: 0, count: options.homes };
    this.#links = new PeerLinks(options, this.#waiting, {
      message: (home, message, peer) => this.#receive(home, message, peer),
      marker: (marker, home, epoch, peer) => this.#receiver?.[marker](home, epoch, peer),
      gathered: () => this.#receiver?.gathered(),
      drained: () => this.#receiver?.drained(),
    });
    this.gateway = this.#viewOfGateway();
  }

  /** Gathered, held, and sent but not confirmed. */
  get waitingBytes(): number {
    return this.#waiting.bytes;
  }

  get stats(): ClusterBusStats {
    const heldBytes = this.#held.reduce((sum, held) => sum + (held?.bytes ?? 0), 0);
    const { stats: peers, bad } = this.#links;
    return { peers, waitingBytes: this.#waiting.bytes, heldBytes, bad };
  }

  /**
   * Takes what comes for this peer from now on. Called again, with another number, once it is somebody's peer again: what was under
   * way and held is forgotten; who is there, and who has which home, stays as it was said.
   * @throws Error where the nats-server takes no messages of the size of a batch
   */
  async join(self: Peer, receiver: ClusterReceiver): Promise<void> {
    for (let home = 0; home < this.#homes.count; home += 1) this.dropHeld(home);
    this.#local = [];
    this.#delivered = 0;
    this.#self = self.number;
    this.#receiver = receiver;
    await this.#links.join(self);
  }

  /**
   * A peer is there.
   * @throws BusVersionError where it does not speak with this one: nothing is sent to it
   */
  up(peer: Peer): void {
    this.#links.up(peer);
  }

  /** A peer is gone: what was under way to it, and what would still come from it, is forgotten. */
  down(peer: number): void {
    this.#links.down(peer);
  }

  /**
   * Who has a home now; undefined: nobody, what is sent to it is lost.
   * @param owner number of a peer, which may be this one
   * @param epoch in which it has it: only it is meant by what connections here tell the home, and only it is heard by them. Of one
   * that has had the home, lost it and got it again, what is under way from before comes too late
   */
  place(home: number, owner: number | undefined, epoch?: number): void {
    this.#deliverLocal();
    this.#places[home] = owner;
    this.#epochs[home] = epoch;
  }

  /** What homes call the connections of a peer. */
  addressOf(peer: number): number {
    return this.#addresses.gatewayOf(peer);
  }

  /**
   * Keeps what is sent to a home from now on by the connections here, in order, until `release` or `dropHeld`. To other homes it
   * is as if it were gone: they keep what they have to say themselves.
   */
  hold(home: number): void {
    this.#deliverLocal();
    this.#held[home] ??= new HeldMessages();
  }

  /** Sends what was held to whoever has the home now, before all that is sent later; it is lost where nobody has it. */
  release(home: number): void {
    // What is sent to it meanwhile is held as well, and so stays behind.
    this.#held[home]?.takeAll((message) => this.#pass(home, message));
    this.dropHeld(home);
  }

  dropHeld(home: number): void {
    this.#waiting.bytes -= this.#held[home]?.bytes ?? 0;
    this.#held[home] = undefined;
  }

  /** Tells the owner of a home that moves that all which was to be said to it from here is said; the rest is held. */
  sayHeld(owner: number, home: number, epoch: number): void {
    this.#mark('held', owner, home, epoch);
  }

  /** Tells the next owner that this peer knows of it: only then may it speak to the connections here. */
  sayHere(owner: number, home: number, epoch: number): void {
    this.#mark('here', owner, home, epoch);
  }

  /** The bus as a home that is open here has it. @param epoch in which it is open: it speaks for that one alone */
  home(number: number, epoch?: number): Bus {
    if (epoch !== undefined) {
      this.#opened[number] = epoch;
      return this.#viewOfHome(number, epoch);
    }
    const view = this.#homeViews[number] ?? this.#viewOfHome(number, undefined);
    this.#homeViews[number] = view;
    return view;
  }

  /** Publishes what was gathered: one batch a peer. Once an event-loop turn. */
  flush(): void {
    this.#links.flush();
  }

  /** Resolves when each of the others has confirmed what was said to it up to now, or is gone. */
  confirmed(): Promise<void> {
    return this.#links.confirmed();
  }

  /** Resolves when others have confirmed what was said, or are not heard. */
  async close(): Promise<void> {
    this.#deliverLocal();
    this.flush();
    await this.#links.close();
    this.#receiver = undefined;
  }

  #mark(marker: Marker, owner: number, home: number, epoch: number): void {
    this.#deliverLocal();
    if (owner === this.#self) this.#receiver?.[marker](home, epoch, owner);
    else this.#links.get(owner)?.mark(marker, home, epoch);
  }

  #viewOfGateway(): ProcessBus {
    // Before it has joined it is nobody's, and says nothing.
    const selfAddress = (): number =>
      this.#self === undefined ? this.#homes.count : this.#addresses.gatewayOf(this.#self);
    const waitingBytes = (): number => this.#waiting.bytes;
    return {
      get self() {
        return selfAddress();
      },
      get waitingBytes() {
        return waitingBytes();
      },
      homes: this.#homes,
      isConnected: (address) => this.#isConnected(address),
      send: (address, message) => this.#sendToHome(address, message as HomeMessage),
      flush: () => this.flush(),
      // Whoever joins says who takes what comes, and who leaves closes it.
      open: () => undefined,
      close: async () => undefined,
    };
  }

  #viewOfHome(number: number, epoch: number | undefined): Bus {
    return {
      self: number,
      homes: this.#homes,
      isConnected: (address) => this.#held[address] === undefined && this.#isConnected(address),
      send: (address, message) => this.#sendFromHome(number, epoch, address, message),
      flush: () => this.flush(),
      close: async () => undefined,
    };
  }

  #isConnected(address: number): boolean {
    if (!this.#addresses.isHome(address)) return this.#isThere(this.#addresses.peerOf(address));
    return this.#held[address] !== undefined || this.#isThere(this.#places[address]);
  }

  /** Hot path. Whether a home is at that peer in that epoch; one that says none is taken at its word. */
  #isOwner(home: number, peer: number, epoch: number | undefined): boolean {
    const known = this.#epochs[home];
    return epoch === undefined || (this.#places[home] === peer && (known === undefined || known === epoch));
  }

  #isThere(peer: number | undefined): boolean {
    return peer !== undefined && (peer === this.#self || this.#links.get(peer) !== undefined);
  }

  /** Hot path. */
  #sendToHome(home: number, message: HomeMessage): void {
    const held = this.#held[home];
    if (held) this.#waiting.bytes += held.add(message);
    else this.#pass(home, message);
  }

  /** Hot path. To whoever has the home now. */
  #pass(home: number, message: HomeMessage): void {
    const owner = this.#places[home];
    if (owner === undefined) return;
    const epoch = this.#epochs[home];
    const said = message.kind === 'attach' && epoch !== undefined ? { ...message, epoch } : message;
    if (owner === this.#self) this.#receiver?.toHome(home, said);
    else this.#links.get(owner)?.send(home, said);
  }

  /** Hot path. */
  #sendFromHome(from: number, epoch: number | undefined, address: number, message: BusMessage): void {
    if (this.#addresses.isHome(address)) {
      const owner = this.#places[address];
      if (owner === undefined || this.#held[address] !== undefined) return;
      if (owner === this.#self) this.#sayLater(address, message as HomeMessage);
      else this.#pass(address, message as HomeMessage);
      return;
    }
    // Its log has kept the last of it after it was closed, and it was opened again since: that one says it.
    if (epoch !== undefined && epoch !== this.#opened[from]) return;
    const peer = this.#addresses.peerOf(address);
    const said = message.kind === 'attached' && epoch !== undefined ? { ...message, epoch } : message;
    if (peer !== this.#self) this.#links.get(peer)?.send(from, said);
    else if (this.#isOwner(from, this.#self, epoch))
      this.#receiver?.toConnection(said as ConnectionMessage, from);
  }

  /**
   * A home speaks in the middle of its own turn, and another may be in the middle of its: what one here says to another
   * comes when they are done, but before anything else happens.
   */
  #sayLater(home: number, message: HomeMessage): void {
    if (this.#local.length === 0) queueMicrotask(() => this.#deliverLocal());
    // Its payload may be gone by then.
    if (message.kind === 'copies')
      this.#local.push({ home, message: { ...message, payload: Buffer.from(message.payload) } });
    else this.#local.push({ home, message });
  }

  #deliverLocal(): void {
    // A call from within goes on where this one is, and so nothing comes twice or out of order.
    for (let next = this.#local[this.#delivered]; next; next = this.#local[this.#delivered]) {
      this.#delivered += 1;
      this.#receiver?.toHome(next.home, next.message);
    }
    this.#local = [];
    this.#delivered = 0;
  }

  /** Hot path. From another peer. */
  #receive(home: number, message: BusMessage, peer: number): void {
    switch (message.kind) {
      case 'deliver':
      case 'accepted':
      case 'refused':
      case 'attached':
      case 'replaced':
        // What a former owner still says comes too late: its connections go on elsewhere.
        if (this.#places[home] !== peer) break;
        // The same peer, from before: it answers an `attach` of then. What it still delivered is dropped until it answers that of now.
        if (message.kind === 'attached' && !this.#isOwner(home, peer, message.epoch)) break;
        this.#receiver?.toConnection(message, home);
        break;
      default:
        this.#receiver?.toHome(home, message);
    }
  }
}
