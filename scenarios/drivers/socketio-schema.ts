import { z } from 'zod';
import { quote } from '../../record/quantity.js';
import { oneOf } from '../choice.js';

/** What stands for something in templates. */
const PLACEHOLDERS = ['user', 'to', 'group', 'sequence', 'payload'] as const;

export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Names that Socket.IO keeps to itself: a server ends the connection of a client that sends one. */
const RESERVED = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'];

const eventName = () =>
  z
    .string('must be the name of an event')
    .min(1, 'must not be empty')
    .refine((name) => !RESERVED.includes(name), {
      error: ({ input }) => `${quote(input)} is an event of Socket.IO itself; write one of your server`,
    });

const path = () =>
  z.string('must be a path in quotes, such as "0.text"').regex(/^\d+(?:\.[^.]+)*$/, {
    error: ({ input }) =>
      `${quote(input)} is not a path; begin with the number of the argument, from 0, such as 0.text`,
  });

/** Data whose texts may have placeholders. */
function template(allowed: readonly Placeholder[]) {
  return z.unknown().superRefine((value, context) => {
    for (const message of problemsOf(value, allowed)) context.addIssue({ code: 'custom', message });
  });
}

function argumentsOf(allowed: readonly Placeholder[]) {
  return z
    .array(template(allowed), 'must be a list of arguments, such as ["{{user}}"]')
    .prefault([])
    .meta({
      description: `Its arguments, any data; texts may have ${allowed.map((each) => `\`{{${each}}}\``).join(', ')}, and \`"{{…:number}}"\` is a number.`,
      shape: 'list',
    });
}

/** An event that clients send before they are logged in. */
function eventSchema(allowed: readonly Placeholder[]) {
  return {
    event: eventName().meta({ description: 'Name of the event.' }),
    arguments: argumentsOf(allowed),
  };
}

const acknowledgement = z
  .boolean('must be true or false')
  .prefault(true)
  .meta({ description: 'Wait until the server acknowledges it.' });

const loginSchema = z.strictObject(
  {
    ...eventSchema(['user']),
    acknowledgement,
    answer: eventName().optional().meta({
      description: 'Wait for this event of the server instead.',
    }),
  },
  'must be an event, such as {event: login, arguments: ["{{user}}"]}',
);

const joinSchema = z.strictObject(
  { ...eventSchema(['user', 'group']), acknowledgement },
  'must be an event, such as {event: join, arguments: ["{{group}}"]}',
);

const sendSchema = (allowed: readonly Placeholder[], example: string) =>
  z
    .strictObject(eventSchema(allowed), `must be an event, such as ${example}`)
    .refine(({ arguments: args }) => JSON.stringify(args).includes('{{payload}}'), {
      error: 'must have {{payload}} in its arguments',
      path: ['arguments'],
    });

const messageSchema = z.strictObject(
  {
    event: eventName().meta({ description: 'Name of the event.' }),
    payload: path().prefault('0').meta({
      description: 'Where the payload is: the number of the argument, from 0, and the keys in it.',
    }),
  },
  'must be an event and a path, such as {event: message, payload: "0.text"}',
);

const receiptSchema = z.strictObject(
  {
    event: eventName().meta({ description: 'Name of the event that tells a sender.' }),
    sequence: path().meta({ description: 'Where the `{{sequence}}` of the message is.' }),
    by: path().optional().meta({
      description: 'Where the user is who has it; groups need it.',
      fallback: 'the partner',
    }),
  },
  'must be an event and a path, such as {event: delivered, sequence: "0.id"}',
);

const serverSchema = z.strictObject(
  {
    storesForAway: z.boolean('must be true or false').prefault(false).meta({
      description: 'It keeps messages for clients that are away.',
    }),
    recognizesRepetitions: z.boolean('must be true or false').prefault(false).meta({
      description: 'It takes the same `{{sequence}}` of a user once.',
    }),
  },
  'must be promises, such as {storesForAway: true}',
);

/** Clients of a Socket.IO server. */
export const socketioSchema = z.strictObject(
  {
    namespace: z
      .string('must be text')
      .regex(/^\/[^,?\s]*$/, 'must begin with /, such as /chat')
      .prefault('/')
      .meta({ description: 'Namespace that clients connect to.' }),
    auth: z
      .record(z.string(), template(['user']), 'must be a map, such as {token: "t-{{user}}"}')
      .optional()
      .meta({ description: 'What clients present when they connect to it.', shape: 'map' }),
    login: loginSchema.optional().meta({ description: 'An event with which clients log in.' }),
    join: joinSchema.optional().meta({ description: 'With groups: an event with which members join.' }),
    send: sendSchema(
      ['user', 'to', 'sequence', 'payload'],
      '{event: message, arguments: ["{{to}}", "{{payload}}"]}',
    )
      .prefault({ event: 'message', arguments: ['{{to}}', '{{payload}}'] })
      .meta({ description: 'What a client sends to another.' }),
    sendToGroup: sendSchema(
      ['user', 'group', 'sequence', 'payload'],
      '{event: message, arguments: ["{{group}}", "{{payload}}"]}',
    )
      .optional()
      .meta({ description: 'What a client sends to its group; without it there are no groups.' }),
    acknowledgement: z.boolean('must be true or false').prefault(true).meta({
      description: 'The server acknowledges what is sent: that is `accepted`.',
    }),
    error: path().optional().meta({
      description:
        'Where in the arguments of an acknowledgement an error is; what has one was refused. The path begins as `message.payload` does.',
    }),
    message: messageSchema
      .prefault({ event: 'message' })
      .meta({ description: 'The event with which messages come.' }),
    groupMessage: messageSchema.optional().meta({
      description: 'The same of a group, where it is another one.',
    }),
    receipt: receiptSchema.optional().meta({
      description: 'The event that tells a sender that its message has arrived, where there is one.',
    }),
    recipient: oneOf(['partner', 'sender']).prefault('partner').meta({
      description: 'Who gets what a client sends: `sender` is for servers that send it back.',
    }),
    server: serverSchema.prefault({}).meta({ description: 'What your server promises beyond that.' }),
  },
  'must be settings of socketio, such as {namespace: /chat}',
);

export type SocketioSettings = z.output<typeof socketioSchema>;

function problemsOf(value: unknown, allowed: readonly Placeholder[]): string[] {
  const words = allowed.map((each) => `{{${each}}}`).join(', ');
  return textsIn(value).flatMap((text) =>
    [...text.matchAll(/\{\{(.*?)\}\}/gs)].flatMap(([whole, content = '']) => {
      const [name, form] = content.split(':', 2);
      if (!allowed.some((each) => each === name)) return [`${quote(text)}: ${whole} is none of ${words}`];
      if (form === undefined) return [];
      if (form !== 'number' || name === 'payload') return [`${quote(text)}: ${whole} is none of ${words}`];
      return whole === text ? [] : [`${quote(text)}: ${whole} must be all of the text`];
    }),
  );
}

/** However deep, keys of maps included. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(textsIn)];
}
