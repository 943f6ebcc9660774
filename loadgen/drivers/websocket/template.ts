import {
  MESSAGE_PREFIX,
  parseTemplate,
  SESSION_PREFIX,
} from '../../../scenarios/drivers/websocket-template.js';
import type { Output } from '../driver.js';
import type { Incoming } from './incoming.js';
import type { Matcher, Place } from './matcher.js';
import type { SessionValues } from './session-values.js';

/** What variables stand for: filled in before a template is written, one for all. */
export interface Values {
  user: number;
  client: number;
  to: number;
  group: number;
  sequence: number;
  payload: Buffer;
}

/** A template, compiled once: what is the same in every message is bytes already. */
export interface Template {
  parts: readonly Part[];
  session: SessionValues;
  /** Values of the session that it cannot be written without. */
  needs: readonly number[];
}

type NumberName = 'user' | 'client' | 'to' | 'group' | 'sequence';

type Part =
  | { kind: 'bytes'; bytes: Buffer }
  | { kind: 'number'; name: NumberName }
  | { kind: 'base64' }
  | { kind: 'payload' }
  | { kind: 'session'; session: SessionValues; slot: number; isJson: boolean; encoding: BufferEncoding }
  | { kind: 'answer'; place: Place; matcher: Matcher; incoming: Incoming; encoding: BufferEncoding };

/** What is the same for all clients of a run. */
export interface TemplateContext {
  run: number;
  token: string;
  messages: 'text' | 'binary';
  session: SessionValues;
}

/**
 * @param answered the message that `{{message.…}}` is of
 * @throws Error for a variable that no schema has let through
 */
export function compileTemplate(
  template: string,
  context: TemplateContext,
  answered?: { matcher: Matcher; incoming: Incoming },
): Template {
  const encoding = context.messages === 'text' ? 'utf8' : 'latin1';
  const literal = (text: string): Part => ({ kind: 'bytes', bytes: Buffer.from(text, encoding) });
  const parts = parseTemplate(template).map((piece): Part => {
    if ('text' in piece) return literal(piece.text);
    const { variable } = piece;
    switch (variable) {
      case 'user':
      case 'client':
      case 'to':
      case 'group':
      case 'sequence':
        return { kind: 'number', name: variable };
      case 'payload':
        return { kind: 'base64' };
      case 'bytes':
        return { kind: 'payload' };
      case 'run':
        return literal(String(context.run));
      case 'token':
        return literal(isJson(template) ? inJson(context.token) : context.token);
      default:
        if (variable.startsWith(SESSION_PREFIX)) {
          const slot = context.session.slotOf(variable.slice(SESSION_PREFIX.length));
          return { kind: 'session', session: context.session, slot, isJson: isJson(template), encoding };
        }
        if (!answered || !variable.startsWith(MESSAGE_PREFIX))
          throw new Error(`{{${variable}}} is no variable`);
        return {
          kind: 'answer',
          place: answered.matcher.placeOf(variable.slice(MESSAGE_PREFIX.length)),
          ...answered,
          encoding,
        };
    }
  });
  const needs = parts.flatMap((part) => (part.kind === 'session' ? [part.slot] : []));
  return { parts, session: context.session, needs };
}

/**
 * Hot path. One message.
 * @returns undefined; or, where the client was never told a value that stands in it, the reason why nothing is written
 */
export function writeTemplate(
  { parts, needs, session }: Template,
  values: Values,
  out: Output,
): string | undefined {
  const missing = needs.length === 0 ? undefined : session.whyMissing(values.client, needs);
  if (missing !== undefined) return missing;
  for (const part of parts) {
    switch (part.kind) {
      case 'bytes':
        out.write(part.bytes);
        break;
      case 'number':
        writeNumber(values[part.name], out);
        break;
      case 'base64':
        writeBase64(values.payload, out);
        break;
      case 'payload':
        out.write(values.payload);
        break;
      case 'session': {
        const value = part.session.valueOf(values.client, part.slot) as string;
        out.write(Buffer.from(part.isJson ? inJson(value) : value, part.encoding));
        break;
      }
      case 'answer':
        out.write(Buffer.from(part.matcher.textAt(part.incoming, part.place), part.encoding));
        break;
    }
  }
  out.endMessage();
  return undefined;
}

const MOST_DIGITS = 16;
const ZERO = 0x30;

/** Hot path. A whole number from 0. */
function writeNumber(number: number, out: Output): void {
  const buffer = out.room(MOST_DIGITS);
  let digits = 1;
  for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
  let rest = number;
  for (let at = out.at + digits - 1; at >= out.at; at -= 1) {
    const tenth = Math.floor(rest / 10);
    buffer[at] = ZERO + rest - 10 * tenth;
    rest = tenth;
  }
  out.at += digits;
}

/** Hot path. */
function writeBase64(payload: Buffer, out: Output): void {
  const text = payload.toString('base64');
  out.at += out.room(text.length).write(text, out.at, 'latin1');
}

/** A variable at the beginning, `{{token}} …`, is no object. */
function isJson(template: string): boolean {
  return /^\s*(?:\{(?!\{)|[["])/.test(template);
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
