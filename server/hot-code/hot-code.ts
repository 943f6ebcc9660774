import { pathToFileURL } from 'node:url';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType, PROTOCOL_VERSION, ProtocolError, ReasonCode } from '../../protocol/frame.js';
import type { Handlers, MakeHandlers } from './handler-api.js';
import { checkHandlers } from './handler-check.js';

const tools = { FrameType, ReasonCode, ProtocolError, PROTOCOL_VERSION, encodeFrame };

/**
 * The handlers in force in one process, and those that are to come: `load` prepares a version, and nothing changes
 * until `activate`. What the version before was in the middle of, it finishes: one read of one connection.
 */
export class HotCode {
  #inForce: Handlers;
  #next: Handlers | undefined;

  private constructor(handlers: Handlers) {
    this.#inForce = handlers;
  }

  /** @throws Error where the module cannot be loaded or fails its check */
  static async start(file: string): Promise<HotCode> {
    return new HotCode(await loadHandlers(file));
  }

  get inForce(): Handlers {
    return this.#inForce;
  }

  /** @throws Error where the module cannot be loaded or fails its check; the version in force stays */
  async load(file: string): Promise<void> {
    this.#next = undefined;
    this.#next = await loadHandlers(file);
  }

  /** From the next read on, in one step. */
  activate(): void {
    if (this.#next) this.#inForce = this.#next;
    this.#next = undefined;
  }

  discard(): void {
    this.#next = undefined;
  }
}

/** @param file never loaded before: Node keeps a module for ever under the name that it was imported by */
async function loadHandlers(file: string): Promise<Handlers> {
  const module = (await import(pathToFileURL(file).href)) as { default?: MakeHandlers };
  if (typeof module.default !== 'function') throw new Error('it has no default export that makes handlers');
  const handlers = module.default(tools);
  checkHandlers(handlers);
  return handlers;
}
