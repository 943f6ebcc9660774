import { z } from 'zod';
import { quote } from '../../record/quantity.js';
import { quantity } from '../quantity-schema.js';

/** MQTT counts the bytes of a text in 16 bits; no name has to be near that. */
const LONGEST_TEXT = 1024;
/** Four bytes, and all of their bits mean for ever. */
const LONGEST_EXPIRY_MS = 0xffff_fffe * 1000;

function oneNumberOf<const Numbers extends readonly [number, ...number[]]>(numbers: Numbers) {
  const list = numbers.join(', ');
  return z
    .literal(numbers, { error: ({ input }) => `${quote(input)} is not one of ${list}` })
    .meta({ shape: numbers.map((number) => `\`${number}\``).join(', ') });
}

const text = () => z.string('must be text').max(LONGEST_TEXT, `must not be longer than ${LONGEST_TEXT}`);

/** A text in which a number stands: it has to be another text for each of them. */
const template = (placeholder: string, example: string) =>
  text().includes(placeholder, { error: `must contain ${placeholder}, such as ${example}` });

/** What a message may be published to: no filter. */
const isTopicName = (topic: string): boolean => !/[+#\0]/.test(topic) && !topic.startsWith('$');
const NO_TOPIC_NAME = 'must be a topic with no +, no # and no $ at its beginning';

const willSchema = z.strictObject(
  {
    topic: text().min(1, 'must not be empty').refine(isTopicName, NO_TOPIC_NAME).meta({
      description: 'Where the server publishes it; may contain `{user}`. Not an inbox of a client.',
    }),
    payload: text().prefault('').meta({ description: 'What it says; may contain `{user}`.' }),
    qos: oneNumberOf([0, 1, 2]).prefault(0).meta({ description: 'Its quality of service.' }),
  },
  'must be a map, such as {topic: gone/{user}, payload: gone}',
);

/** What a scenario may say of `target.driver: mqtt`. */
export const mqttSchema = z
  .strictObject(
    {
      version: oneNumberOf([4, 5])
        .prefault(4)
        .meta({ description: 'Of the protocol, as it goes over the wire: 4 is MQTT 3.1.1.' }),
      qos: oneNumberOf([0, 1, 2]).prefault(1).meta({
        description: 'Quality of service of every message and of every subscription.',
      }),
      inFlight: quantity('count', { min: 1, max: 65_534, words: 'from 1 to 65534' }).prefault(1024).meta({
        description:
          'Messages of a client without an answer, at most; further ones wait. A server of version 5 may allow fewer.',
      }),
      cleanSession: z.boolean('must be true or false').prefault(false).meta({
        description:
          'The server forgets a client when its connection ends: what is sent to somebody who is away is lost.',
      }),
      sessionExpiry: quantity('duration', {
        min: 1000,
        max: LONGEST_EXPIRY_MS,
        words: 'from 1s to 136 years',
      })
        .prefault('1h')
        .meta({ description: 'How long the server keeps a session without a connection; of version 5.' }),
      clientId: template('{user}', 'c2m-{user}')
        .prefault('c2m-{user}')
        .meta({ description: 'Client identifier; `{user}` is the number of the user.' }),
      username: text().optional().meta({ description: 'May contain `{user}`.', fallback: 'none' }),
      password: text().optional().meta({ description: 'May contain `{user}`.', fallback: 'none' }),
      topic: template('{user}', 'c2m/user/{user}')
        .refine(isTopicName, NO_TOPIC_NAME)
        .prefault('c2m/user/{user}')
        .meta({ description: 'Inbox of a user: subscribed to by that user, published to by its partner.' }),
      groupTopic: template('{group}', 'c2m/group/{group}')
        .refine(isTopicName, NO_TOPIC_NAME)
        .prefault('c2m/group/{group}')
        .meta({ description: 'Topic of a group; `{group}` is the number of its first user.' }),
      share: text()
        .regex(/^[^+#/]+$/, 'must be a name with no +, # or /')
        .optional()
        .meta({
          description: 'Clients subscribe to their inboxes as `$share/<share>/…`, a shared subscription.',
          fallback: 'none',
        }),
      will: willSchema.optional().meta({
        description: 'What the server publishes for a client whose connection breaks.',
        fallback: 'none',
      }),
    },
    'must be settings of MQTT, such as {version: 5, qos: 1}',
  )
  .refine(
    ({ version, username, password }) => version === 5 || password === undefined || username !== undefined,
    { path: ['password'], error: 'needs a username in MQTT 3.1.1: write username, or version: 5' },
  );

export type MqttSettings = z.output<typeof mqttSchema>;
