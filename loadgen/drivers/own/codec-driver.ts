import { RunError } from '../../run-error.js';
import { type ClientProtocol, type Driver, type Framing, type Output, ProtocolViolation } from '../driver.js';
import type { CodecClients, CodecDriver } from './codec.js';
import { completeCarriers } from './own-carriers.js';
import { completePromises, LEAST_PROMISES } from './own-promises.js';

const MESSAGES: readonly Framing['webSocketMessages'][] = ['stream', 'text', 'binary'];

/** What somebody's own protocol has to have. */
const NEEDED = ['opened', 'received', 'writeMessage'] as const;

/**
 * @param given what the file exports as `driver`
 * @throws Error saying what is wrong with it
 */
export function codecDriver(given: unknown, fileName: string, told: unknown): Driver {
  if (typeof given !== 'object' || given === null) throw new Error('driver must be an object');
  const codec = given as CodecDriver;
  if (typeof codec.create !== 'function') throw new Error('driver has no create(settings, clients, events)');
  const settings = codec.settings ? codec.settings.parse(told) : told;
  const promises = completePromises(answerOf(codec, 'promises', settings) ?? LEAST_PROMISES);
  const framing = completeFraming(answerOf(codec, 'framing', settings));
  return {
    name: typeof codec.name === 'string' ? codec.name : fileName,
    promises: () => promises,
    framing: () => framing,
    create: (_, clients, events) => new OwnClients(codec.create(settings, clients, events)),
  };
}

/** What it is, or what it gives when asked with the settings. */
function answerOf(codec: CodecDriver, key: 'promises' | 'framing', settings: unknown): unknown {
  const value: unknown = codec[key];
  return typeof value === 'function' ? value.call(codec, settings) : value;
}

function completeFraming(given: unknown): Framing {
  const {
    carriers,
    webSocketMessages = 'stream',
    subprotocols = [],
    ...more
  } = (given ?? {}) as Partial<Framing>;
  if (!MESSAGES.includes(webSocketMessages))
    throw new Error(`framing.webSocketMessages must be one of ${MESSAGES.join(', ')}`);
  return {
    ...more,
    carriers: completeCarriers(carriers, 'framing.carriers'),
    webSocketMessages,
    subprotocols,
  };
}

/** What somebody's own codec does, with its mistakes told from those of the server. */
class OwnClients implements ClientProtocol {
  readonly #own: CodecClients;
  /** Undefined where theirs is: then nobody asks before each message. */
  readonly hasRoom?: (client: number) => boolean;

  constructor(own: CodecClients) {
    for (const name of NEEDED)
      if (typeof own?.[name] !== 'function')
        throw new RunError('C2M_INPUT', `target.driver: what its create has returned has no ${name}()`);
    this.#own = own;
    if (own.hasRoom) this.hasRoom = (client) => own.hasRoom?.(client) !== false;
  }

  opened(client: number, out: Output): void {
    this.#own.opened(client, out);
  }

  /** Hot path. What is thrown with a `reason` says that the server has broken the protocol; all else is a fault of the driver. */
  received(client: number, bytes: Buffer, out: Output): number {
    let taken: unknown;
    try {
      taken = this.#own.received(client, bytes, out);
    } catch (error) {
      const { reason, message } = error as { reason?: unknown; message: string };
      throw typeof reason === 'string' ? new ProtocolViolation(reason, message) : error;
    }
    if (Number.isInteger(taken) && (taken as number) >= 0 && (taken as number) <= bytes.length)
      return taken as number;
    throw new RunError(
      'C2M_RUN',
      `the driver's received() was given ${bytes.length} bytes, and returned ${String(taken)}; it has to return how many it has taken`,
    );
  }

  /** Hot path. */
  writeMessage(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    this.#own.writeMessage(client, to, sequence, payload, out);
  }

  /** Hot path. */
  writePending(client: number, out: Output): void {
    this.#own.writePending?.(client, out);
  }

  writeKeepalive(client: number, out: Output): void {
    this.#own.writeKeepalive?.(client, out);
  }

  leave(client: number, out: Output): void {
    this.#own.leave?.(client, out);
  }

  messagesWritten(client: number, out: Output): void {
    this.#own.messagesWritten?.(client, out);
  }

  secured(client: number, out: Output): void {
    this.#own.secured?.(client, out);
  }

  get resumesSessions(): boolean {
    return this.#own.resumesSessions ?? false;
  }

  whyNotLoggedIn(client: number): string | undefined {
    return this.#own.whyNotLoggedIn?.(client);
  }

  closed(client: number): void {
    this.#own.closed?.(client);
  }
}
