import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { Random } from '../loadgen/random.js';
import { FrameDecoder } from '../protocol/decode.js';
import { encodeFrame } from '../protocol/encode.js';
import { FrameType, LARGEST_BODY_BYTES, PROTOCOL_VERSION, WEBSOCKET_SUBPROTOCOL } from '../protocol/frame.js';

export type Listener = 'tcp' | 'tls' | 'ws' | 'http';

export interface FuzzOptions {
  listener: Listener;
  port: number;
  inputs: number;
  /** Everything follows from it. */
  seed: number;
  /** Connections at a time. */
  parallel: number;
  /** Share of the inputs that are broken in any way; the others are right but for their fields and payloads. */
  broken: number;
}

export interface FuzzResult {
  inputs: number;
  connections: number;
  /** Connections that the server ended, by how: a reason code, a TLS alert, an HTTP status, a WebSocket close. */
  endedWithReason: number;
  /**
   * Those that were reset while the client was still writing: what the server said last is lost with the reset, if it
   * said something, and nobody can tell from outside.
   */
  reset: number;
  /** Those that it ended without a word. */
  endedSilently: number;
  /** First inputs behind which a connection ended silently, in hexadecimal. */
  silentExamples: string[];
  /** Answers that came, of any kind. */
  answers: number;
}

/** A connection that says nothing and is not closed for this long was served, and is left. */
const QUIET_MS = 400;
/** Inputs that one connection takes before it is left. */
const MOST_INPUTS_A_CONNECTION = 50;
const EXAMPLES = 5;
const USERS = 64;

/** Sends inputs until there were enough; `parallel` connections at a time, each until the server ends it. */
export async function fuzz(
  options: FuzzOptions,
  progress: (inputs: number) => void = () => undefined,
): Promise<FuzzResult> {
  const result: FuzzResult = {
    inputs: 0,
    connections: 0,
    endedWithReason: 0,
    reset: 0,
    endedSilently: 0,
    silentExamples: [],
    answers: 0,
  };
  const lane = async (number: number) => {
    const random = new Random(options.seed + number);
    while (result.inputs < options.inputs) {
      await fuzzConnection(options, random, result);
      progress(result.inputs);
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, (_, number) => lane(number)));
  return result;
}

interface Carrier {
  write(bytes: Buffer): void;
  destroy(): void;
}

/** What came back on a connection, and how it ended. */
interface Outcome {
  hasAnswered: boolean;
  hasReason: boolean;
  wasReset: boolean;
}

async function fuzzConnection(options: FuzzOptions, random: Random, result: FuzzResult): Promise<void> {
  const outcome: Outcome = { hasAnswered: false, hasReason: false, wasReset: false };
  const sent: Buffer[] = [];
  let isOver = false;
  let noticeEnd: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    noticeEnd = () => {
      isOver = true;
      resolve();
    };
  });
  const carrier = await open(options, random, outcome, noticeEnd);
  if (!carrier) return;
  result.connections += 1;
  const most = 1 + random.below(MOST_INPUTS_A_CONNECTION);
  for (let count = 0; count < most && !isOver && result.inputs < options.inputs; count += 1) {
    const isBroken = random.next() < options.broken;
    const input = options.listener === 'http' ? httpInput(random, isBroken) : frameInput(random, isBroken);
    if (sent.length < 4) sent.push(input);
    carrier.write(input);
    result.inputs += 1;
    // A few at once, a few one by one: both the split and the batch are tried.
    if (random.below(4) === 0) await Promise.race([ended, new Promise((resolve) => setImmediate(resolve))]);
  }
  await Promise.race([ended, quiet(outcome)]);
  carrier.destroy();
  if (outcome.hasAnswered) result.answers += 1;
  if (!isOver) return;
  if (outcome.hasReason) result.endedWithReason += 1;
  else if (outcome.wasReset) result.reset += 1;
  else {
    result.endedSilently += 1;
    if (result.silentExamples.length < EXAMPLES)
      result.silentExamples.push(Buffer.concat(sent).toString('hex').slice(0, 200));
  }
}

/** Resolves when the server was given time to end the connection. */
function quiet(outcome: Outcome): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, outcome.hasAnswered ? QUIET_MS / 8 : QUIET_MS));
}

function open(
  { listener, port }: FuzzOptions,
  random: Random,
  outcome: Outcome,
  noticeEnd: () => void,
): Promise<Carrier | undefined> {
  // Now and then raw bytes where a handshake is due.
  const isRaw = (listener === 'tls' || listener === 'ws') && random.below(20) === 0;
  if (listener === 'ws' && !isRaw) return openWebSocket(port, random, outcome, noticeEnd);
  return new Promise((resolve) => {
    const isTls = listener === 'tls' && !isRaw;
    const socket: Socket = isTls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connectTcp({ port, host: '127.0.0.1' });
    const hasReason = reasonFinder();
    socket.on('data', (bytes) => {
      outcome.hasAnswered = true;
      // An alert, or a status: any answer to what is no conversation says why.
      outcome.hasReason ||= isRaw || listener === 'http' || hasReason(bytes);
    });
    socket.on('error', () => {
      outcome.wasReset = true;
    });
    socket.once('close', () => {
      noticeEnd();
      resolve(undefined);
    });
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      const carrier = { write: (bytes: Buffer) => socket.write(bytes), destroy: () => socket.destroy() };
      if (listener !== 'http' && !isRaw) greet(carrier, random);
      resolve(carrier);
    });
  });
}

function openWebSocket(
  port: number,
  random: Random,
  outcome: Outcome,
  noticeEnd: () => void,
): Promise<Carrier | undefined> {
  return new Promise((resolve) => {
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}`, WEBSOCKET_SUBPROTOCOL, {
      perMessageDeflate: false,
    });
    const hasReason = reasonFinder();
    webSocket.on('message', (bytes: Buffer) => {
      outcome.hasAnswered = true;
      outcome.hasReason ||= hasReason(bytes);
    });
    webSocket.on('error', () => {
      outcome.wasReset = true;
    });
    webSocket.once('close', (code) => {
      // 1006 is what a client says of a connection that ended without a close frame.
      if (code !== 1006) outcome.hasReason = true;
      noticeEnd();
      resolve(undefined);
    });
    webSocket.once('open', () => {
      const raw = (webSocket as unknown as { _socket: Socket })._socket;
      const carrier: Carrier = {
        // Some inputs are text where binary is due, and some are no WebSocket frames at all.
        write: (bytes) => {
          const kind = random.below(200);
          if (webSocket.readyState !== WebSocket.OPEN) return;
          if (kind === 0) raw.write(bytes);
          else webSocket.send(kind === 1 ? bytes.toString('latin1') : bytes);
        },
        destroy: () => webSocket.terminate(),
      };
      greet(carrier, random);
      resolve(carrier);
    });
  });
}

/** Most connections get in, so that what lies behind the login is tried as well. */
function greet(carrier: Carrier, random: Random): void {
  if (random.below(10) === 0) return;
  carrier.write(encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION }));
  if (random.below(10) === 0) return;
  carrier.write(encodeFrame({ type: FrameType.Login, user: 1 + random.below(USERS), token: '' }));
}

function frameInput(random: Random, isBroken: boolean): Buffer {
  const frame = rightFrame(random);
  return isBroken ? broken(frame, random) : frame;
}

function rightFrame(random: Random): Buffer {
  const id = random.below(4) === 0 ? random.below(2 ** 30) * 4096 : random.below(1000);
  switch (random.below(8)) {
    case 0:
      return encodeFrame({ type: FrameType.Ping, nonce: random.below(2 ** 30) });
    case 1:
      return encodeFrame({ type: FrameType.Pong, nonce: random.below(2 ** 30) });
    case 2:
      return encodeFrame({
        type: FrameType.Group,
        id,
        group: random.below(USERS),
        members: Array.from({ length: random.below(20) }, () => random.below(USERS)),
      });
    case 3:
      return encodeFrame({
        type: FrameType.GroupSend,
        group: random.below(USERS),
        id,
        payload: bytes(random, random.below(300)),
      });
    default:
      return encodeFrame({
        type: FrameType.Send,
        to: 1 + random.below(USERS),
        id,
        payload: bytes(random, random.below(300)),
      });
  }
}

/** The usual ways to break bytes: flip, cut, grow, repeat, lie about the length, and noise from the start. */
function broken(frame: Buffer, random: Random): Buffer {
  const copy = Buffer.from(frame);
  switch (random.below(8)) {
    case 0:
      copy[random.below(copy.length)] = random.below(256);
      return copy;
    case 1:
      return copy.subarray(0, random.below(copy.length));
    case 2:
      return Buffer.concat([copy, bytes(random, 1 + random.below(20))]);
    case 3:
      copy.writeUIntBE(random.below(2) === 0 ? LARGEST_BODY_BYTES : random.below(LARGEST_BODY_BYTES), 0, 3);
      return copy;
    case 4:
      copy[3] = random.below(256);
      return copy;
    case 5:
      return encodeFrame({ type: FrameType.Ack, sequence: random.below(2 ** 30) });
    case 6:
      return encodeFrame({
        type: FrameType.Login,
        user: random.below(100),
        token: bytes(random, random.below(5000)).toString('latin1'),
      });
    default:
      return bytes(random, 1 + random.below(600));
  }
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'BREW'];
const PATHS = [
  '/stats',
  '/metrics',
  '/healthz',
  '/reload?x',
  '/',
  '/../../etc/passwd',
  '/%2e%2e/%00',
  '/media/x',
];

function httpInput(random: Random, isBroken: boolean): Buffer {
  const pick = (list: string[]) => list[random.below(list.length)] as string;
  const path = random.below(10) === 0 ? `/${'a'.repeat(random.below(9000))}` : pick(PATHS);
  const headers = [`host: 127.0.0.1`, `x-fuzz: ${bytes(random, random.below(40)).toString('base64')}`];
  if (random.below(5) === 0) headers.push(`range: bytes=${random.below(100)}-${random.below(100)}`);
  if (random.below(5) === 0) headers.push(`content-length: ${random.below(3) === 0 ? -1 : random.below(50)}`);
  if (random.below(9) === 0) headers.push('transfer-encoding: chunked');
  const request = Buffer.from(
    `${pick(METHODS)} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`,
    'latin1',
  );
  return isBroken ? broken(request, random) : request;
}

function bytes(random: Random, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 1) buffer[at] = random.below(256);
  return buffer;
}

/** Looks for ERROR or GOODBYE in the bytes of one connection, however they are split. */
function reasonFinder(): (bytes: Buffer) => boolean {
  const decoder = new FrameDecoder(LARGEST_BODY_BYTES);
  return (bytes) => {
    let found = false;
    decoder.push(bytes, (frame) => {
      found ||= frame.type === FrameType.Error || frame.type === FrameType.Goodbye;
      return true;
    });
    return found;
  };
}
