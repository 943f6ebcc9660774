import { type Frame, FrameType, PROTOCOL_VERSION, ProtocolError } from '../../protocol/frame.js';
import type { ClientConnection, Handlers, Stage } from './handler-api.js';

/** A conversation that every version must know how to hold: where the client is, what it says, what must come of it. */
const CONVERSATION: { stage: Stage; frame: Frame; calls: string }[] = [
  { stage: 'hello', frame: { type: FrameType.Hello, version: PROTOCOL_VERSION }, calls: 'greeted' },
  { stage: 'login', frame: { type: FrameType.Login, user: 7, token: 't' }, calls: 'login 7 t' },
  {
    stage: 'open',
    frame: { type: FrameType.Send, to: 8, id: 9, payload: Buffer.from('hi') },
    calls: 'submit 8 9 hi',
  },
  {
    stage: 'open',
    frame: { type: FrameType.GroupSend, group: 8, id: 9, payload: Buffer.from('hi') },
    calls: 'submitToGroup 8 9 hi',
  },
  {
    stage: 'open',
    frame: { type: FrameType.Group, group: 8, id: 9, members: [1, 2] },
    calls: 'setGroup 8 9 1,2',
  },
  { stage: 'open', frame: { type: FrameType.Ack, sequence: 3 }, calls: 'acknowledge 3' },
  { stage: 'open', frame: { type: FrameType.Ping, nonce: 1 }, calls: 'write' },
  { stage: 'open', frame: { type: FrameType.Goodbye, code: 0 }, calls: 'leave' },
  // Both sides may answer PING: a PONG too many ends no connection.
  { stage: 'open', frame: { type: FrameType.Pong, nonce: 1 }, calls: '' },
  {
    stage: 'hello',
    frame: { type: FrameType.Send, to: 8, id: 9, payload: Buffer.alloc(0) },
    calls: 'refused',
  },
  { stage: 'open', frame: { type: FrameType.Ack, sequence: 99 }, calls: 'refused' },
];

/**
 * Lets handlers hold a conversation with a client that is none, and run their own check.
 * @throws Error saying what they did wrong
 */
export function checkHandlers(handlers: Handlers): void {
  if (typeof handlers?.version !== 'string' || handlers.version === '') throw new Error('it has no version');
  if (typeof handlers.onFrame !== 'function') throw new Error('it has no onFrame');
  for (const { stage, frame, calls } of CONVERSATION) {
    const client = new RecordedClient(stage);
    const did = attempt(() => handlers.onFrame(client, frame)) ?? client.calls.join(', ');
    if (did === calls) continue;
    throw new Error(
      `frame type 0x${frame.type.toString(16)} at ${stage}: expected "${calls}", and it did "${did || 'nothing'}"`,
    );
  }
  handlers.selfCheck?.();
}

function attempt(handle: () => unknown): string | undefined {
  try {
    // What a promise throws later, nobody would catch.
    return handle() instanceof Promise ? 'gave a promise; onFrame has to be done when it returns' : undefined;
  } catch (error) {
    return error instanceof ProtocolError ? 'refused' : `threw ${(error as Error).message}`;
  }
}

class RecordedClient implements ClientConnection {
  readonly stage: Stage;
  readonly sentSequence = 5;
  readonly calls: string[] = [];

  constructor(stage: Stage) {
    this.stage = stage;
  }

  greeted(): void {
    this.calls.push('greeted');
  }

  login(user: number, token: string): void {
    this.calls.push(`login ${user} ${token}`);
  }

  submit(to: number, id: number, payload: Uint8Array): void {
    this.calls.push(`submit ${to} ${id} ${Buffer.from(payload).toString()}`);
  }

  submitToGroup(group: number, id: number, payload: Uint8Array): void {
    this.calls.push(`submitToGroup ${group} ${id} ${Buffer.from(payload).toString()}`);
  }

  setGroup(group: number, id: number, members: readonly number[]): void {
    this.calls.push(`setGroup ${group} ${id} ${members.join()}`);
  }

  acknowledge(sequence: number): void {
    this.calls.push(`acknowledge ${sequence}`);
  }

  write(): void {
    this.calls.push('write');
  }

  fail(): void {
    this.calls.push('fail');
  }

  leave(): void {
    this.calls.push('leave');
  }
}
