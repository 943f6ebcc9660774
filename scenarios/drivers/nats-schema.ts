import { z } from 'zod';
import { QUANTITIES, quote } from '../../record/quantity.js';
import { oneOf } from '../choice.js';
import { quantity } from '../quantity-schema.js';
import { userSeedIn } from './nkey.js';

const TOKEN = '[^.\\s{}*>$]+';

/** A subject whose number is a token of its own, as the wildcards of a stream want it. */
function subjectTemplate(placeholder: 'user' | 'group') {
  const form = new RegExp(`^(?:${TOKEN}\\.)*\\{${placeholder}\\}(?:\\.${TOKEN})*$`);
  return z
    .string('must be text')
    .regex(form, {
      error: ({ input }) =>
        `${quote(input)} is not a subject with {${placeholder}} as one of its parts; write such as c2m.${placeholder}.{${placeholder}}`,
    })
    .prefault(`c2m.${placeholder}.{${placeholder}}`);
}

const text = () => z.string('must be text').min(1, 'must not be empty').optional();

const streamSchema = z.strictObject(
  {
    name: z
      .string('must be text')
      .regex(/^[\w-]{1,32}$/, 'must be a name of letters, digits, - and _')
      .prefault('C2M')
      .meta({ description: 'Made by the first clients; one of this name that is there is used as it is.' }),
    storage: oneOf(['memory', 'file']).prefault('file').meta({ description: 'Where the server keeps it.' }),
    replicas: z
      .number('must be a number')
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(5, 'must be at most 5')
      .prefault(1)
      .meta({ description: 'Servers of a cluster that keep it.', shape: QUANTITIES.count.base }),
    retention: oneOf(['limits', 'interest']).prefault('limits').meta({
      description:
        '`interest`: what all have acknowledged is deleted, and what nobody has subscribed to is not kept; servers look at all consumers for it, which many clients feel.',
    }),
    maxAge: quantity('duration')
      .prefault('1h')
      .meta({ description: 'Older messages are deleted, also those that wait for somebody; 0s: none are.' }),
    ackWait: quantity('duration', { min: 100, words: 'at least 100ms' }).prefault('30s').meta({
      description: 'What a connected client has not acknowledged by then is delivered again.',
    }),
  },
  'must be settings of the stream, such as {storage: memory}',
);

/** Clients of a NATS server. */
export const natsSchema = z
  .strictObject(
    {
      mode: oneOf(['core', 'jetstream']).prefault('core').meta({
        description:
          '`core`: publish and subscribe, at most once; `jetstream`: the server stores messages and says so, a durable consumer for each client delivers them at least once.',
      }),
      subjects: z
        .strictObject(
          {
            user: subjectTemplate('user').meta({ description: 'Where messages to a user go.' }),
            group: subjectTemplate('group').meta({
              description: 'Where messages to a group go; `{group}` is the user who is its first member.',
            }),
          },
          'must be subjects, such as {user: "c2m.user.{user}"}',
        )
        .refine(({ user, group }) => !overlap(user, group), 'of users and of groups must not overlap')
        .prefault({})
        .meta({ description: 'Subjects of messages.' }),
      user: text().meta({ description: 'Name at login; `{user}` in it is the number of the user.' }),
      password: text().meta({ description: 'With it; may have `{user}` too.' }),
      token: text().meta({ description: 'Instead of a name and a password; may have `{user}` too.' }),
      nkey: text()
        .refine(
          (seed) => seed === undefined || userSeedIn(seed) !== undefined,
          'is not the seed of a user’s NKey; write what begins with SU, such as ${C2M_NKEY} of the environment',
        )
        .meta({
          description: 'Seed of an NKey (`SU…`): each client signs what the server gives it to sign.',
        }),
      jwt: text().meta({ description: 'Of the user whose seed `nkey` is, for a server in operator mode.' }),
      credentialsFile: text().meta({
        description: 'A .creds file with both of them, from the folder of the scenario.',
      }),
      tls: oneOf(['auto', 'required', 'handshakeFirst', 'never']).prefault('auto').meta({
        description:
          'When TLS begins. `auto`: behind the INFO of the server, if it wants that, or if the address is tls:// and it can; `required`: if it can, at tcp:// too; `handshakeFirst`: at once, as a server with `handshake_first` has it; `never`: not at all.',
      }),
      stream: streamSchema.prefault({}).meta({ description: 'The stream of `mode: jetstream`.' }),
    },
    'must be settings of nats, such as {mode: jetstream}',
  )
  .refine(
    ({ user, password, token, nkey, credentialsFile }) =>
      (user === undefined) === (password === undefined) &&
      [user, token, nkey, credentialsFile].filter((each) => each !== undefined).length <= 1,
    'must have user and password, or token, or nkey, or credentialsFile, or none of them',
  )
  .refine(({ jwt, nkey }) => jwt === undefined || nkey !== undefined, {
    path: ['jwt'],
    error: 'needs the seed of its user: write nkey, or credentialsFile in place of both',
  });

export type NatsSettings = z.output<typeof natsSchema>;

/** Whether some subject is of both forms. */
function overlap(one: string, other: string): boolean {
  const mine = one.split('.');
  const theirs = other.split('.');
  return (
    mine.length === theirs.length &&
    mine.every((token, index) => {
      const their = theirs[index] as string;
      return token === their || token.startsWith('{') || their.startsWith('{');
    })
  );
}
