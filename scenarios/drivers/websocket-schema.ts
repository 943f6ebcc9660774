import { z } from 'zod';
import { oneOf } from '../choice.js';
import { quantity } from '../quantity-schema.js';
import { type PlacedTemplate, uncaptured } from './websocket-capture-schema.js';
import { loginSchema, templates } from './websocket-login-schema.js';
import { matcherSchema, matchSchema } from './websocket-matcher-schema.js';
import { PRESET_NAMES, WEBSOCKET_PRESETS } from './websocket-presets/presets.js';
import type { WebSocketSettings } from './websocket-settings.js';
import { templateProblem } from './websocket-template.js';

const OF_CLIENT = ['user', 'client', 'run', 'token', 'session'];
const OF_GROUP = [...OF_CLIENT, 'group'];
const OF_MESSAGE = ['sequence', 'payload', 'bytes'];

/** Base64 of the largest message, and as much again for what is around it. */
const LARGEST_MESSAGE = '2MiB';

const variablesIn = (names: readonly string[]): string =>
  names.map((name) => `\`{{${name === 'session' ? 'session.NAME' : name}}}\``).join(' ');

function template(variables: readonly string[], description: string) {
  return z
    .string('must be a template, such as {"type":"ping"}')
    .min(1, 'must not be empty')
    .superRefine((text, context) => {
      const problem = templateProblem(text, variables);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .optional()
    .meta({ description, shape: 'template' });
}

const matcher = (description: string) => matcherSchema.optional().meta({ description });

const settingsSchema = z.strictObject(
  {
    preset: oneOf(PRESET_NAMES).optional().meta({
      description:
        'Begins with the settings of a common server; keys beside it replace its own, and a key that is null takes one away.',
    }),
    messages: oneOf(['text', 'binary']).prefault('text').meta({
      description: 'What is sent; of binary messages a character is a byte, in templates and in matchers.',
    }),
    subprotocols: z
      .array(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be a token'), 'must be a list of names')
      .prefault([])
      .meta({ description: 'Subprotocols to offer; `target.websocket.subprotocols` replaces them.' }),
    separator: z.string('must be text').min(1, 'must not be empty').optional().meta({
      description:
        'Ends each message of the server where one WebSocket message may hold several. Templates write it themselves.',
      shape: 'text',
    }),
    token: z.string('must be text').prefault('').meta({
      description: '`{{token}}` of the templates. The record keeps the scenario, but not this value.',
    }),
    login: loginSchema(
      OF_CLIENT,
      `Written once the WebSocket is open; \`{await: <matcher>}\` between templates waits for a message before the next is written. Variables: ${variablesIn(OF_CLIENT)}: the number of the user, of the client in its agent, of the run, the text of \`token\`, and what a matcher has captured.`,
    ),
    loggedIn: matcher(
      'The answer that the login waits for. Without it the client goes on once its login is written.',
    ),
    subscribe: templates(
      OF_CLIENT,
      'Written after the login: what the client wants to get. Variables as in `login`.',
    ),
    subscribed: matcher('The answer that it waits for.'),
    join: templates(
      OF_GROUP,
      'Written then, if the scenario has groups; `{{group}}` is the number of the first user in the group.',
    ),
    joined: matcher('The answer that it waits for. Then the client is logged in.'),
    send: template(
      [...OF_CLIENT, 'to', ...OF_MESSAGE],
      'A message to the partner. Further variables: `{{to}}`, its user; `{{sequence}}`, which of the messages of this client it is, below 2³²; `{{payload}}` in Base64, or `{{bytes}}` as they are in binary messages.',
    ),
    sendToGroup: template([...OF_GROUP, ...OF_MESSAGE], 'A message to the group of the client.'),
    match: matchSchema.optional().meta({
      description:
        'What messages of the server mean: each meaning has a matcher or a list of them, and the first that fits decides. What fits none is passed over.',
    }),
    heartbeat: template(OF_CLIENT, 'Written every `clients.heartbeat`.'),
    leave: template(OF_CLIENT, 'Written before the WebSocket is closed.'),
    recipient: oneOf(['partner', 'sender']).prefault('partner').meta({
      description: 'Who gets what is sent with `send`; `sender`: the server is an echo.',
    }),
    order: oneOf(['per-sender', 'none']).prefault('per-sender').meta({
      description: 'Whether what one client sends has to come in that order.',
    }),
    delivery: oneOf(['at-most-once', 'at-least-once', 'exactly-once']).optional().meta({
      description:
        'What the server promises. `at-least-once`: once a connection has died, a copy is `redelivered` and not `duplicated`.',
      fallback: 'at-least-once with match.accepted, else at-most-once',
    }),
    storesForAway: z.boolean('must be true or false').prefault(false).meta({
      description: 'What is sent to a user who is away waits for that user.',
    }),
    recognizesRepetitions: z.boolean('must be true or false').prefault(false).meta({
      description:
        'A message that is sent again with the same `{{sequence}}`, because its connection died before it was accepted, makes no second copy.',
    }),
    largestMessage: quantity('size', { min: 1024, max: 16 * 1024 ** 2, words: 'from 1KiB to 16MiB' })
      .prefault(LARGEST_MESSAGE)
      .meta({
        description:
          'A longer message of the server ends its connection (`MessageTooLong`); it also bounds the time that a regular expression takes.',
      }),
  },
  'must be settings, such as {preset: json-chat}, or {send: …, match: …}',
);

/** Templates and matchers for any protocol in text or binary WebSocket messages. */
export const webSocketDriverSchema = z
  .preprocess(withPreset, settingsSchema.check(z.superRefine(checkKeys)))
  .transform((keys): WebSocketSettings => {
    const { match = [], delivery } = keys;
    const isAccepted = match.some(({ means }) => means === 'accepted');
    return {
      messages: keys.messages,
      subprotocols: keys.subprotocols,
      separator: keys.separator ?? null,
      token: keys.token,
      login: keys.login ?? [],
      loggedIn: keys.loggedIn ?? null,
      subscribe: keys.subscribe ?? [],
      subscribed: keys.subscribed ?? null,
      join: keys.join ?? [],
      joined: keys.joined ?? null,
      send: keys.send ?? null,
      sendToGroup: keys.sendToGroup ?? null,
      heartbeat: keys.heartbeat ?? null,
      leave: keys.leave ?? null,
      match,
      claims: {
        recipient: keys.recipient,
        order: keys.order,
        delivery: delivery ?? (isAccepted ? 'at-least-once' : 'at-most-once'),
        storesForAway: keys.storesForAway,
        recognizesRepetitions: keys.recognizesRepetitions,
      },
      limits: { largestMessageBytes: keys.largestMessage },
    };
  });

/** What a user has written over the preset that it names; null takes a key away. */
function withPreset(value: unknown): unknown {
  if (!isMap(value)) return value;
  const preset = Object.hasOwn(WEBSOCKET_PRESETS, String(value.preset))
    ? WEBSOCKET_PRESETS[value.preset as keyof typeof WEBSOCKET_PRESETS]
    : undefined;
  const merged: Record<string, unknown> = { ...preset, ...value };
  if (preset && isMap(value.match)) merged.match = { ...preset.match, ...value.match };
  if (isMap(merged.match)) merged.match = withoutNulls(merged.match);
  return withoutNulls(merged);
}

function withoutNulls(map: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Keys = z.output<typeof settingsSchema>;

/** What the keys say of each other. */
function checkKeys(keys: Keys, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  const { match = [] } = keys;
  if (!match.some(({ means }) => means === 'delivered'))
    refuse(
      keys.match === undefined ? ['match'] : ['match', 'delivered'],
      'is missing; how is a message recognized that has come, such as delivered: {json: {type: message}, payload: body}?',
    );
  if (keys.send === undefined && keys.sendToGroup === undefined)
    refuse(['send'], 'is missing; what does a client write, such as {"to":"{{to}}","body":"{{payload}}"}?');
  const steps = [
    ['subscribe', 'subscribed'],
    ['join', 'joined'],
  ] as const;
  for (const [step, answer] of steps)
    if (keys[answer] !== undefined && keys[step] === undefined)
      refuse([answer], `answers ${step}, which is missing`);
  const unknown = uncaptured(templatesIn(keys), capturedIn(keys));
  for (const { path, message } of unknown) refuse(path, message);
  if (keys.join !== undefined && keys.sendToGroup === undefined)
    refuse(['sendToGroup'], 'is missing; what does a client write to the group that it has joined?');
  for (const key of ['send', 'sendToGroup'] as const) checkPayload(keys, key, refuse);
  if (keys.messages !== 'binary') {
    if (match.some(({ fields }) => fields.bytes !== undefined))
      refuse(
        ['match', 'delivered'],
        'takes bytes as they are, which text has none of: write messages: binary',
      );
    return;
  }
  for (const [key, value] of Object.entries(keys))
    for (const each of [value].flat())
      if (typeof each === 'string' && /[\u{100}-\u{10ffff}]/u.test(each))
        refuse([key], 'has a character that is no byte; in binary messages each is one, such as "\\xff"');
}

/** Names that some matcher captures. */
function capturedIn({ login = [], loggedIn, subscribed, joined, match = [] }: Keys): Set<string> {
  const awaited = login.map((each) => (typeof each === 'string' ? undefined : each.await));
  const matchers = [...awaited, loggedIn, subscribed, joined, ...match];
  return new Set(matchers.flatMap((each) => Object.keys(each?.capture ?? {})));
}

function templatesIn({ match = [], ...keys }: Keys): PlacedTemplate[] {
  const written = ['login', 'subscribe', 'join', 'send', 'sendToGroup', 'heartbeat', 'leave'] as const;
  return [
    ...written.flatMap((key) =>
      [keys[key] ?? []]
        .flat()
        .flatMap((template) => (typeof template === 'string' ? [{ path: [key], template }] : [])),
    ),
    ...match.flatMap(({ means, answer }) => answer.map((template) => ({ path: ['match', means], template }))),
  ];
}

function checkPayload(
  keys: Keys,
  key: 'send' | 'sendToGroup',
  refuse: (path: string[], message: string) => void,
): void {
  const text = keys[key];
  if (text === undefined) return;
  const hasBytes = /\{\{\s*bytes\s*\}\}/.test(text);
  if (!hasBytes && !/\{\{\s*payload\s*\}\}/.test(text))
    refuse([key], 'has no {{payload}}, which carries what tells one message from another');
  if (hasBytes && keys.messages !== 'binary')
    refuse([key], 'has {{bytes}}, which text cannot carry: write messages: binary, or {{payload}}');
}
