import { decodeFrames } from '../../../protocol/decode.js';
import { bodyBytes, encodeFrame, writeFrame } from '../../../protocol/encode.js';
import {
  endsConnection,
  FLAG_REDELIVERY,
  FLAG_UNDELIVERED,
  type Frame,
  FrameType,
  GoodbyeCode,
  HEADER_BYTES,
  LARGEST_BODY_BYTES,
  PROTOCOL_VERSION,
  ProtocolError,
  ReasonCode,
  reasonName,
} from '../../../protocol/frame.js';
import { tokenOf } from '../../../protocol/user-token.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type ClientRange,
  GROUP_BIT,
  type Output,
  ProtocolViolation,
} from '../driver.js';
import type { C2mSettings } from './c2m-settings.js';
import { GroupMaker } from './group-maker.js';
import { IdRange } from './id-range.js';

/** What the next write of a client is to say. */
const Say = { Ack: 1, Group: 2 } as const;

/** After it, a group that the server does not have is made again. */
const GROUP_RETRY_MS = 1000;

/** What the server allows to be under way without an ACK, until it has said so. */
const FIRST_WINDOW = 128;

const hello = encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION });

/** Our own protocol, version 1, from the side of its clients: docs/protocol.md. */
export class C2mClients implements ClientProtocol {
  readonly #settings: C2mSettings;
  readonly #clients: ClientRange;
  readonly #events: ClientEvents;
  readonly #ids: IdRange;
  readonly #groupMaker: GroupMaker | undefined;
  /** First clients of groups that are to be made again in a moment. */
  readonly #groupsToMake = new Set<number>();
  readonly #say: Uint8Array;
  /** Last item of the mailbox that came, and the last that was acknowledged. */
  readonly #receivedSequence: Uint32Array;
  readonly #acknowledgedSequence: Uint32Array;
  #halfWindow = FIRST_WINDOW / 2;
  /** Client whose bytes are being decoded, and where answers to them go. */
  #current = 0;
  #output: Output | undefined;

  constructor(settings: C2mSettings, clients: ClientRange, events: ClientEvents) {
    this.#settings = settings;
    this.#clients = clients;
    this.#events = events;
    this.#ids = new IdRange(clients.run);
    this.#groupMaker = clients.groupMembers === null ? undefined : new GroupMaker(clients, this.#ids);
    this.#say = new Uint8Array(clients.count);
    this.#receivedSequence = new Uint32Array(clients.count);
    this.#acknowledgedSequence = new Uint32Array(clients.count);
  }

  opened(client: number, out: Output): void {
    const user = this.#clients.firstUser + client;
    out.write(hello);
    put(out, { type: FrameType.Login, user, token: tokenOf(this.#settings.credentials, user) });
  }

  /** Hot path. */
  received(client: number, bytes: Buffer, out: Output): number {
    this.#current = client;
    this.#output = out;
    try {
      return decodeFrames(bytes, LARGEST_BODY_BYTES, this.#onFrame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new ProtocolViolation(`Server${reasonName(error.code)}`, error.message);
    }
  }

  /** Hot path. */
  writeMessage(_client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    const id = this.#ids.idOf(sequence);
    const other = this.#clients.firstUser + to;
    if (sequence < GROUP_BIT) put(out, { type: FrameType.Send, to: other, id, payload });
    else put(out, { type: FrameType.GroupSend, group: other, id, payload });
  }

  /** Hot path. */
  writePending(client: number, out: Output): void {
    const say = this.#say[client] as number;
    if (say === 0) return;
    this.#say[client] = 0;
    if ((say & Say.Ack) !== 0) this.#writeAck(client, out);
    if ((say & Say.Group) !== 0) this.#writeGroup(client, out);
  }

  /** It also carries the acknowledgement of receipts that nothing else has carried yet. */
  writeKeepalive(client: number, out: Output): void {
    if (this.#hasUnacknowledged(client)) this.#writeAck(client, out);
    if (this.#groupMaker?.isToMake(client)) this.#writeGroup(client, out);
    put(out, { type: FrameType.Ping, nonce: client });
  }

  /** What no message has carried an acknowledgement of yet is acknowledged on the way out. */
  leave(client: number, out: Output): void {
    if (this.#hasUnacknowledged(client)) this.#writeAck(client, out);
    put(out, { type: FrameType.Goodbye, code: GoodbyeCode.Normal });
  }

  closed(client: number): void {
    this.#say[client] = 0;
  }

  readonly #onFrame = (frame: Frame): boolean => {
    const client = this.#current;
    const events = this.#events;
    switch (frame.type) {
      case FrameType.Deliver:
        this.#delivered(client, frame.sequence);
        events.deliveredAs(
          client,
          frame.from - this.#clients.firstUser,
          this.#ids.sequenceToPartner(frame.id),
          frame.payload as Buffer,
          (frame.flags & FLAG_REDELIVERY) !== 0,
        );
        break;
      case FrameType.GroupDeliver:
        this.#delivered(client, frame.sequence);
        events.deliveredAs(
          client,
          this.#isOwnGroup(client, frame.group) ? frame.from - this.#clients.firstUser : -1,
          this.#ids.sequenceToGroup(frame.id),
          frame.payload as Buffer,
          (frame.flags & FLAG_REDELIVERY) !== 0,
          frame.number,
        );
        break;
      case FrameType.Accepted:
        this.#accepted(client, frame.id);
        break;
      case FrameType.Receipt:
        this.#receipted(client, frame, this.#ids.sequenceToPartner(frame.id));
        break;
      case FrameType.GroupReceipt:
        this.#receipted(client, frame, this.#ids.sequenceToGroup(frame.id));
        break;
      case FrameType.Welcome:
        this.#welcomed(client, frame.window);
        break;
      case FrameType.Ping:
        put(this.#output as Output, { type: FrameType.Pong, nonce: frame.nonce });
        break;
      case FrameType.Pong:
        break;
      case FrameType.Error:
        this.#refused(client, frame.code, frame.reference);
        break;
      case FrameType.Goodbye:
        events.ended(client, 'Goodbye');
        break;
      default:
        throw new ProtocolViolation(
          'ServerProtocolError',
          `a frame of a client, 0x${frame.type.toString(16)}`,
        );
    }
    return true;
  };

  #welcomed(client: number, window: number): void {
    this.#halfWindow = Math.max(1, window >>> 1);
    // Items that were acknowledged on a connection that died may come again, and want their ACK again.
    this.#receivedSequence[client] = 0;
    this.#acknowledgedSequence[client] = 0;
    if (this.#groupMaker?.isToMake(client)) this.#sayNext(client, Say.Group);
    this.#events.loggedIn(client);
  }

  /** Hot path. */
  #delivered(client: number, sequence: number): void {
    this.#receivedSequence[client] = sequence;
    this.#sayNext(client, Say.Ack);
  }

  /** Hot path. */
  #receipted(
    client: number,
    frame: Extract<Frame, { type: typeof FrameType.Receipt | typeof FrameType.GroupReceipt }>,
    sequence: number | undefined,
  ): void {
    this.#receivedSequence[client] = frame.sequence;
    if (frame.sequence - (this.#acknowledgedSequence[client] as number) >= this.#halfWindow)
      this.#sayNext(client, Say.Ack);
    if (sequence === undefined) return;
    const by = frame.by - this.#clients.firstUser;
    if ((frame.flags & FLAG_UNDELIVERED) !== 0) this.#events.undeliverable(client, by, sequence);
    else this.#events.receipted(client, by, sequence);
  }

  /** Hot path. */
  #accepted(client: number, id: number): void {
    if (this.#groupMaker?.awaits(client, id)) {
      this.#groupMaker.made(client);
      return;
    }
    const sequence = this.#ids.sequenceOf(id);
    if (sequence !== undefined) this.#events.accepted(client, sequence);
  }

  #refused(client: number, code: number, reference: number): void {
    if (endsConnection(code)) {
      this.#events.ended(client, reasonName(code));
      return;
    }
    if (this.#groupMaker?.awaits(client, reference)) {
      this.#groupMaker.refused(code);
      this.#makeGroupSoon(client);
      this.#events.refused(client, undefined, reasonName(code));
      return;
    }
    const sequence = this.#ids.sequenceOf(reference);
    if (this.#groupMaker && code === ReasonCode.NotMember && (sequence ?? 0) >= GROUP_BIT) {
      // The server has lost the group, or never had it.
      const maker = this.#groupMaker.makerOf(client);
      this.#groupMaker.lost(maker);
      this.#makeGroupSoon(maker);
    }
    this.#events.refused(client, sequence, reasonName(code));
  }

  #isOwnGroup(client: number, group: number): boolean {
    return group - this.#clients.firstUser === this.#groupMaker?.makerOf(client);
  }

  /** Not at once: whatever kept the server from it may take a moment. */
  #makeGroupSoon(client: number): void {
    if (this.#groupsToMake.has(client)) return;
    this.#groupsToMake.add(client);
    setTimeout(() => {
      this.#groupsToMake.delete(client);
      if (this.#groupMaker?.isToMake(client)) this.#sayNext(client, Say.Group);
    }, GROUP_RETRY_MS).unref();
  }

  #hasUnacknowledged(client: number): boolean {
    return this.#receivedSequence[client] !== this.#acknowledgedSequence[client];
  }

  /** Hot path. */
  #sayNext(client: number, what: number): void {
    this.#say[client] = (this.#say[client] as number) | what;
    this.#events.hasSomethingToWrite(client);
  }

  #writeAck(client: number, out: Output): void {
    const sequence = this.#receivedSequence[client] as number;
    this.#acknowledgedSequence[client] = sequence;
    put(out, { type: FrameType.Ack, sequence });
  }

  #writeGroup(client: number, out: Output): void {
    if (this.#groupMaker) put(out, this.#groupMaker.request(client));
  }
}

/** Hot path. */
function put(out: Output, frame: Frame): void {
  const buffer = out.room(HEADER_BYTES + bodyBytes(frame));
  out.at = writeFrame(frame, buffer, out.at);
}
