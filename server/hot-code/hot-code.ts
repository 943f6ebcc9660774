import { pathToFileURL } from 'node:url';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType, PROTOCOL_VERSION, ProtocolError, ReasonCode } from '../../protocol/frame.js';
import type { Handlers, MakeHandlers } from './handler-api.js';
import { checkHandlers } from './handler-check.js';

const tools = { FrameType, ReasonCode, ProtocolError, PROTOCOL_VERSION, encodeFrame };

/** So many faults within so long are no accident of one client: the version before comes back. */
const FAULTS_TO_FALL_BACK = 10;
const FAULTS_WITHIN_MS = 10_000;

/** A version that fails again and again. */
export interface HandlersFailed {
  /** What failed, and the last thing that it threw. */
  version: string;
  reason: string;
  /** What is in force now; null: there is nothing to go back to, and the version stays. */
  backTo: string | null;
}

/**
 * The handlers in force in one process, those before, and those that are to come: `load` prepares a version, and nothing
 * changes until `activate`. What the version before was in the middle of, it finishes: one read of one connection.
 */
export class HotCode {
  /** Called when a version has failed too often, once for each. */
  onFailed: (failed: HandlersFailed) => void = () => undefined;
  #inForce: Handlers;
  #previous: Handlers | undefined;
  #next: Handlers | undefined;
  /** When the version in force has failed lately. */
  #faultsMs: number[] = [];
  #isTold = false;

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

  /** From the next read on, in one step. @param isReturn what is in force has failed, and is not to come back */
  activate(isReturn = false): void {
    if (this.#next) {
      this.#previous = isReturn ? undefined : this.#inForce;
      this.#putInForce(this.#next);
    }
    this.#next = undefined;
  }

  discard(): void {
    this.#next = undefined;
  }

  /** The handlers threw on a frame what they may not. Too often, and those before come back. */
  fault({ handlers, message: reason }: { handlers: Handlers; message: string }): void {
    if (handlers !== this.#inForce) return;
    const now = performance.now();
    this.#faultsMs.push(now);
    if (this.#faultsMs.length > FAULTS_TO_FALL_BACK) this.#faultsMs.shift();
    const isRare = this.#faultsMs.length < FAULTS_TO_FALL_BACK;
    if (isRare || now - (this.#faultsMs[0] as number) > FAULTS_WITHIN_MS || this.#isTold) return;
    this.#isTold = true;
    this.onFailed({ version: handlers.version, reason, backTo: this.fallBack() });
  }

  /** Puts the version before into force again. @returns it, or null where there is none */
  fallBack(): string | null {
    if (!this.#previous) return null;
    this.#putInForce(this.#previous);
    this.#previous = undefined;
    return this.#inForce.version;
  }

  #putInForce(handlers: Handlers): void {
    this.#inForce = handlers;
    this.#faultsMs = [];
    this.#isTold = false;
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
