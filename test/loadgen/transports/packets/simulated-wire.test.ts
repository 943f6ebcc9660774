import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ACK, FIN, PSH, RST, SYN } from '../../../../loadgen/transports/packets/segment.js';
import { TcpClients } from '../../../../loadgen/transports/packets/tcp-clients.js';
import { TcpPeer } from '../../../support/tcp-peer.js';

const SERVER_ADDRESS = 0x0a_00_00_01;
const CLIENT_ADDRESS = 0x0a_00_01_00;
const STEP_MS = 50;
const NOTHING = Buffer.alloc(0);

/** What befalls the packets of a wire, one after the other; what the list does not say passes. */
type Fate = 'pass' | 'lose' | 'twice' | 'later';

/** A packet under way. */
interface Carried {
  toPeer: boolean;
  packet: Buffer;
}

/** One client and one peer with a wire between them, and a clock that stands until it is moved. */
class Conversation {
  readonly clients: TcpClients;
  readonly peer: TcpPeer;
  received: Buffer = NOTHING;
  opened = 0;
  closed: string | undefined;
  readonly #fates: Fate[];
  readonly #wire: Carried[] = [];
  readonly #late: Carried[] = [];
  /** Bytes of the largest packet that a router on the way to the peer passes on. */
  routerMtu = 1500;
  #isQuiet = false;
  nowMs = 0;

  constructor({
    toSend = NOTHING,
    fates = [],
    first = 1,
    peerFirst = 1,
  }: {
    toSend?: Buffer;
    fates?: Fate[];
    first?: number;
    peerFirst?: number;
  } = {}) {
    this.#fates = [...fates];
    this.clients = new TcpClients(
      1,
      CLIENT_ADDRESS,
      { write: (packet, bytes) => this.#put(true, packet, bytes) },
      {
        opened: () => {
          this.opened += 1;
        },
        received: (_client, bytes) => {
          this.received = Buffer.concat([this.received, bytes]);
        },
        closed: (_client, reason) => {
          this.closed = reason;
        },
      },
      0,
      1460,
      () => first / 0x1_0000_0000,
    );
    this.peer = new TcpPeer(toSend, peerFirst, (packet, bytes) => this.#put(false, packet, bytes));
    this.clients.open(0, SERVER_ADDRESS, 4000);
  }

  /** The server is gone: nothing of it arrives any more. */
  silence(): void {
    this.#isQuiet = true;
  }

  /** Carries what is on the wire, until nothing is. */
  carry(): this {
    for (let round = 0; round < 10_000 && this.#wire.length + this.#late.length > 0; round += 1) {
      const { toPeer, packet } = (this.#wire.shift() ?? this.#late.shift()) as Carried;
      if (this.#isQuiet) continue;
      if (toPeer && packet.length > this.routerMtu) this.#sayTooBig(packet);
      else if (toPeer) this.peer.take(packet, packet.length);
      else this.clients.take(packet, packet.length);
    }
    return this;
  }

  /** Lets time go by, and carries. */
  wait(ms: number): this {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += STEP_MS;
      this.clients.acknowledge(this.nowMs);
      this.clients.expire(this.nowMs);
      this.peer.tick(this.nowMs);
      this.carry();
    }
    return this;
  }

  #sayTooBig(packet: Buffer): void {
    const answer = tooBig(packet, this.routerMtu);
    this.clients.take(answer, answer.length);
  }

  #put(toPeer: boolean, packet: Buffer, bytes: number): void {
    const carried = { toPeer, packet: Buffer.from(packet.subarray(0, bytes)) };
    const fate = this.#fates.shift() ?? 'pass';
    if (fate === 'pass' || fate === 'twice') this.#wire.push(carried);
    if (fate === 'twice' || fate === 'later') this.#late.push(carried);
  }
}

/** What a router says of a packet that it cannot pass on: ICMP, with the first bytes of the packet. */
function tooBig(packet: Buffer, mtu: number): Buffer {
  const icmp = Buffer.alloc(8 + 28);
  icmp.writeUInt16BE(0x03_04, 0);
  icmp.writeUInt16BE(mtu, 6);
  packet.copy(icmp, 8, 0, 28);
  icmp.writeUInt16BE(onesComplementSum(icmp), 2);
  const header = Buffer.from(packet.subarray(0, 20));
  header.writeUInt16BE(20 + icmp.length, 2);
  header[9] = 1;
  packet.copy(header, 16, 12, 16);
  return Buffer.concat([header, icmp]);
}

function onesComplementSum(bytes: Buffer): number {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 2) total += bytes.readUInt16BE(at);
  while (total > 0xff_ff) total = (total & 0xff_ff) + (total >>> 16);
  return ~total & 0xff_ff;
}

const bytes = (length: number) =>
  fc.uint8Array({ minLength: 0, maxLength: length }).map((array) => Buffer.from(array));
const fates = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant<Fate>('pass') },
    { weight: 1, arbitrary: fc.constantFrom<Fate>('lose', 'twice', 'later') },
  ),
  { maxLength: 80 },
);
const sequence = fc.oneof(fc.nat(0xff_ff_ff_ff), fc.integer({ min: 0xff_ff_f0_00, max: 0xff_ff_ff_ff }));

describe('TCP clients in user space, over a simulated wire', () => {
  test('whatever is lost, repeated or overtaken: what arrives is what was sent, or there is a reason', () => {
    fc.assert(
      fc.property(
        bytes(6000),
        bytes(6000),
        fates,
        sequence,
        sequence,
        (up, down, schedule, first, peerFirst) => {
          const conversation = new Conversation({ toSend: down, fates: schedule, first, peerFirst });
          conversation.clients.send(0, up);
          conversation.wait(5000);
          conversation.clients.end(0);
          conversation.wait(120_000);
          const { peer, received, closed } = conversation;
          expect(closed).toBeDefined();
          expect(up.subarray(0, peer.received.length).equals(peer.received)).toBe(true);
          expect(down.subarray(0, received.length).equals(received)).toBe(true);
          if (closed === 'PeerClosed') {
            expect(peer.received.length).toBe(up.length);
            expect(received.length).toBe(down.length);
          } else {
            expect(closed).toMatch(/^(ETIMEDOUT|ECONNRESET|Cut)$/);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('the handshake tells the peer how large a segment may be, and opens once', () => {
    const { peer, opened } = new Conversation().carry();
    expect(opened).toBe(1);
    expect(peer.flagsIn).toEqual([SYN]);
  });

  test('an acknowledgment that nothing carries goes out by itself', () => {
    const conversation = new Conversation().carry().wait(100);
    expect(conversation.peer.flagsIn).toEqual([SYN, ACK]);
  });

  test('sequence numbers wrap around within a message, on both sides', () => {
    const up = Buffer.alloc(4000, 1);
    const down = Buffer.alloc(4000, 2);
    const conversation = new Conversation({ toSend: down, first: 0xff_ff_fc_00, peerFirst: 0xff_ff_fe_00 });
    conversation.clients.send(0, up);
    conversation.wait(1000);
    expect(conversation.peer.received.equals(up)).toBe(true);
    expect(conversation.received.equals(down)).toBe(true);
    expect(conversation.clients.counters.retransmissions).toBe(0);
  });

  test('a SYN that nobody answers is repeated at growing intervals, then given up', () => {
    const conversation = new Conversation();
    conversation.silence();
    conversation.carry().wait(6900);
    expect(conversation.clients.counters.synRetries).toBe(2);
    conversation.wait(60_000);
    expect(conversation.closed).toBe('ETIMEDOUT');
    expect(conversation.clients.counters.synRetries).toBe(5);
  });

  test('data that nobody acknowledges is repeated with back-off, then the connection is given up', () => {
    const conversation = new Conversation().carry().wait(100);
    conversation.silence();
    conversation.clients.send(0, Buffer.from('hello'));
    conversation.wait(3200);
    expect(conversation.clients.counters.retransmissions).toBe(2);
    conversation.wait(120_000);
    expect(conversation.closed).toBe('ETIMEDOUT');
  });

  test('data that comes again is acknowledged again and handed on once', () => {
    const conversation = new Conversation({ toSend: Buffer.from('once') }).carry().wait(200);
    const { length } = conversation.peer.flagsIn;
    conversation.peer.craft({ flags: ACK | PSH, offset: -4, data: Buffer.from('once') });
    conversation.carry();
    expect(conversation.received.toString()).toBe('once');
    expect(conversation.peer.flagsIn.slice(length)).toEqual([ACK]);
  });

  test('data that overlaps what was had already gives what is new', () => {
    const conversation = new Conversation({ toSend: Buffer.from('abcd') }).carry().wait(200);
    conversation.peer.craft({ flags: ACK | PSH, offset: -2, data: Buffer.from('cdef') });
    conversation.carry();
    expect(conversation.received.toString()).toBe('abcdef');
  });

  test('a keep-alive, which repeats the byte before the next, is answered', () => {
    const conversation = new Conversation().carry().wait(100);
    const { length } = conversation.peer.flagsIn;
    conversation.peer.craft({ flags: ACK, offset: -1 });
    conversation.carry();
    expect(conversation.peer.flagsIn.slice(length)).toEqual([ACK]);
  });

  test('data beyond a gap is not handed on; the acknowledgment says what is missing', () => {
    const conversation = new Conversation().carry().wait(100);
    conversation.peer.craft({ flags: ACK | PSH, offset: 10, data: Buffer.from('late') });
    conversation.carry();
    expect(conversation.received.length).toBe(0);
    expect(conversation.clients.counters.outOfOrder).toBe(1);
    expect(conversation.peer.segmentsIn.at(-1)?.acknowledgment).toBe(2);
  });

  test('a repeated SYN-ACK is acknowledged again', () => {
    const conversation = new Conversation().carry().wait(100);
    const { length } = conversation.peer.flagsIn;
    conversation.peer.craft({ flags: SYN | ACK, offset: -1 });
    conversation.carry();
    expect(conversation.peer.flagsIn.slice(length)).toEqual([ACK]);
    expect(conversation.closed).toBeUndefined();
  });

  test('a reset within the window ends the connection, one outside of it does not', () => {
    const conversation = new Conversation().carry().wait(100);
    conversation.peer.craft({ flags: RST, offset: 70_000 });
    conversation.carry();
    expect(conversation.closed).toBeUndefined();
    conversation.peer.craft({ flags: RST });
    conversation.carry();
    expect(conversation.closed).toBe('ECONNRESET');
  });

  test('segments of a connection that is no more are answered with a reset', () => {
    const conversation = new Conversation().carry().wait(100);
    conversation.clients.cut(0);
    conversation.carry();
    expect(conversation.peer.isReset).toBe(true);
    const { length } = conversation.peer.flagsIn;
    conversation.peer.craft({ flags: ACK | PSH, data: Buffer.from('anybody there?') });
    conversation.carry();
    expect(conversation.peer.flagsIn.slice(length)).toEqual([RST]);
    expect(conversation.clients.counters.resetsOut).toBe(2);
  });

  test('an acknowledgment of what was never sent changes nothing', () => {
    const conversation = new Conversation().carry().wait(100);
    conversation.peer.craft({ flags: ACK, acknowledgmentOffset: 1000 });
    conversation.clients.send(0, Buffer.from('hello'));
    conversation.wait(200);
    expect(conversation.peer.received.toString()).toBe('hello');
  });

  test('a shut window is probed with a byte, and opens again', () => {
    const conversation = new Conversation();
    conversation.peer.window = 0;
    conversation.carry().wait(100);
    conversation.clients.send(0, Buffer.from('patience'));
    conversation.wait(1200);
    expect(conversation.peer.received.toString()).toBe('p');
    conversation.peer.window = 65_535;
    conversation.wait(10_000);
    expect(conversation.peer.received.toString()).toBe('patience');
  });

  test('a payload beyond the MSS goes in segments of it', () => {
    const conversation = new Conversation().carry().wait(100);
    const before = conversation.peer.segmentsIn.length;
    conversation.clients.send(0, Buffer.alloc(4000, 7));
    conversation.carry();
    const lengths = conversation.peer.segmentsIn.slice(before).map((each) => each.dataEnd - each.dataStart);
    expect(lengths).toEqual([1460, 1460, 1080]);
  });

  test.each([
    [500, 500],
    // It names none, and takes what every host does.
    [0, 536],
    // With that, headers would be all that is sent.
    [1, 88],
  ])('a peer that names a largest segment of %i gets none beyond %i', (named, largest) => {
    const conversation = new Conversation();
    conversation.peer.mss = named;
    conversation.carry().wait(100);
    const sent = Buffer.alloc(3000, 7);
    conversation.clients.send(0, sent);
    conversation.wait(1000);
    const lengths = conversation.peer.segmentsIn.map((each) => each.dataEnd - each.dataStart);
    expect(Math.max(...lengths)).toBe(largest);
    expect(conversation.peer.received.equals(sent)).toBe(true);
  });

  test('whatever a router on the way passes on, segments become that small and everything arrives', () => {
    fc.assert(
      fc.property(bytes(6000), fc.integer({ min: 128, max: 1500 }), (sent, mtu) => {
        const conversation = new Conversation().carry().wait(100);
        conversation.routerMtu = mtu;
        conversation.clients.send(0, sent);
        // Without a time-out for what was too large: the router has said so.
        conversation.wait(900);
        expect(conversation.peer.received.equals(sent)).toBe(true);
        const lengths = conversation.peer.segmentsIn.map((each) => each.dataEnd - each.dataStart);
        expect(Math.max(...lengths)).toBeLessThanOrEqual(mtu - 40);
        expect(conversation.clients.counters.malformed).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('a router that speaks of a connection that nobody has changes nothing', () => {
    const conversation = new Conversation().carry().wait(100);
    const foreign = Buffer.alloc(40);
    foreign.writeUInt32BE(0x45_00_00_28, 0);
    foreign[9] = 6;
    const answer = tooBig(foreign, 100);
    conversation.clients.take(answer, answer.length);
    expect(conversation.clients.counters.malformed).toBe(1);
    const before = conversation.peer.segmentsIn.length;
    conversation.clients.send(0, Buffer.alloc(1000, 7));
    conversation.carry();
    expect(conversation.peer.segmentsIn.length).toBe(before + 1);
  });

  test('a client that ends first waits for the end of the other side', () => {
    const conversation = new Conversation({ toSend: Buffer.from('bye') }).carry();
    conversation.clients.end(0);
    conversation.wait(1000);
    expect(conversation.closed).toBe('PeerClosed');
    expect(conversation.received.toString()).toBe('bye');
    expect(conversation.peer.hasClientEnded).toBe(true);
  });

  test('a peer that ends first gets what is under way, and our end', () => {
    const conversation = new Conversation().carry().wait(100);
    conversation.clients.send(0, Buffer.from('last words'));
    conversation.peer.close();
    conversation.wait(1000);
    expect(conversation.closed).toBe('PeerClosed');
    expect(conversation.peer.received.toString()).toBe('last words');
    expect(conversation.peer.flagsIn.some((flags) => (flags & FIN) !== 0)).toBe(true);
  });
});
