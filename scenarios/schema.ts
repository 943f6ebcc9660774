import { z } from 'zod';
import { actionsSchema, expandActions } from './action-schema.js';
import { agentsSchema } from './agents-schema.js';
import { oneOf, wholeOrAuto } from './choice.js';
import { gateSchema } from './gate-schema.js';
import { quantitySchema } from './json-schema-quantity.js';
import { matrixSchema } from './matrix-schema.js';
import { PUBLISHED_RESULT_NAMES } from './published-results.js';
import { quantity } from './quantity-schema.js';
import { rateOrRamp } from './rate-schema.js';
import { type MediaPlan, MOST_MEDIA_CONNECTIONS, type Phase, type Scenario } from './scenario.js';
import { sizeSchema } from './size-schema.js';
import { targetSchema } from './target-schema.js';

/**
 * A scenario file, checked and turned into a `Scenario`; `whole-scenario.ts` has what its parts say of each other. What `.meta()` says about each key becomes
 * docs/scenario.md, so a key cannot be added without being documented.
 */

const positiveRate = { min: Number.MIN_VALUE, words: 'more than nothing' };

const clientsSchema = z.strictObject({
  count: quantity('count', { min: 2, max: 16_000_000, words: 'from 2 to 16 million' }).meta({
    description: 'Simulated clients, each with a connection of its own.',
  }),
  connectRate: quantity('rate', positiveRate)
    .prefault('1000/s')
    .meta({ description: 'Connects a second, all agents together.' }),
  connectTimeout: quantity('duration', { min: 100, words: 'at least 100ms' })
    .prefault('10s')
    .meta({ description: 'A connect that has not ended in a login by then has failed.' }),
  heartbeat: quantity('duration', { min: 100, words: 'at least 100ms' })
    .prefault('30s')
    .meta({ description: 'Interval between the PINGs of an idle client.' }),
  reconnectRate: quantity('rate', positiveRate).optional().meta({
    description: 'Clients that lost their connection, or come back, connect at this rate.',
    fallback: 'connectRate',
  }),
  firstUser: quantity('count')
    .prefault(1)
    .meta({ description: 'Id of the first user; the others follow it.' }),
});

const messagesSchema = z.strictObject({
  size: sizeSchema.prefault('100B').meta({
    description: `Payload of a message, from 24B (what the ledger needs) to 1MiB; a size, or a distribution to draw from.`,
    shape: 'size or distribution',
    short: [quantitySchema('size', {})],
  }),
  arrival: oneOf(['poisson', 'constant']).prefault('poisson').meta({
    description:
      '`poisson`: exponential gaps, as independent people make them; `constant`: evenly spaced. Uploads and downloads arrive in the same way.',
  }),
});

const groupsSchema = z.strictObject(
  {
    members: quantity('count', { min: 2, max: 8000, words: 'from 2 to 8000' }).meta({
      description: 'Users in a group. Each user is in one, with its neighbours; its first member makes it.',
    }),
    share: quantity('share', { min: Number.MIN_VALUE, max: 1, words: 'more than nothing' })
      .prefault('100%')
      .meta({
        description: 'Share of the messages that go to the group of the sender, the others to its partner.',
      }),
  },
  'must say how many are in a group, such as {members: 50}',
);

const phaseSchema = z
  .strictObject({
    name: z
      .string('must be a word that names the phase in the report, such as talk')
      .min(1, 'must not be empty')
      .refine((name) => !['connect', 'drain'].includes(name), {
        error: 'is the name of a phase that every run has; choose another',
      })
      .meta({ description: 'Names the phase in every chart; not `connect` or `drain`.' }),
    duration: quantity('duration', { min: 100, words: 'at least 100ms' }).meta({
      description: 'How long it lasts.',
    }),
    rate: rateOrRamp().prefault('0/s').meta({
      description:
        'Messages that fall due a second, all agents together; of a ramp it goes evenly from the first rate, at the beginning of the phase, to the second, at its end.',
    }),
    away: quantity('share').prefault('0%').meta({
      description: 'Share of the users who are away for the whole phase; the same ones every time.',
    }),
    churn: quantity('rate')
      .prefault('0/s')
      .meta({ description: 'Users a second who leave, drawn at random, and come back after `awayFor`.' }),
    awayFor: quantity('duration')
      .prefault('5s')
      .meta({ description: 'How long a user who left stays away.' }),
    cut: quantity('share').prefault('0%').meta({
      description: 'Share of the connections cut without a goodbye when the phase begins; they reconnect.',
    }),
  })
  .transform(
    ({ name, duration, rate, away, churn, awayFor, cut }): Phase => ({
      name,
      durationMs: duration,
      messageRate: rate.from,
      ...(rate.to !== undefined && { messageRateTo: rate.to }),
      away,
      churnRate: churn,
      awayForMs: awayFor,
      cut,
    }),
  )
  .meta({
    short: [
      {
        type: 'object',
        description: 'Stands for all phases of another scenario.',
        properties: { import: { type: 'string', description: 'Its file, or the name of one that ships.' } },
        required: ['import'],
        additionalProperties: false,
      },
    ],
  });

const mediaSchema = z
  .strictObject({
    uploads: quantity('rate')
      .prefault('0/s')
      .meta({ description: 'Uploads that fall due a second, each of a new file.' }),
    downloads: quantity('rate')
      .prefault('0/s')
      .meta({ description: 'Downloads that fall due a second, of files uploaded before.' }),
    size: quantity('size', { min: 2048, max: 16 * 1024 ** 2, words: 'from 2KiB to 16MiB' })
      .prefault('48KiB')
      .meta({ description: 'Size of a file: an image, so that it gets a thumbnail.' }),
    connections: quantity('count', { min: 1, max: MOST_MEDIA_CONNECTIONS, words: 'from 1 to 1000' })
      .prefault(10)
      .meta({
        description:
          'Keep-alive connections for the uploads, and as many for the downloads. What finds none free waits, and its wait counts; of each kind 100,000 wait at most, and what falls due beyond counts as `unsent`.',
      }),
  })
  .transform(
    ({ uploads, downloads, size, connections }): MediaPlan => ({
      uploadRate: uploads,
      downloadRate: downloads,
      bytes: size,
      connections,
    }),
  );

const MOST_PHASES = 1000;

const phasesSchema = z
  .array(phaseSchema, {
    error: 'must be a list of phases, such as [{name: talk, duration: 10s, rate: 500/s}]',
  })
  .min(1, 'must have at least one phase')
  .max(MOST_PHASES, `must be at most ${MOST_PHASES} phases`);

const generatorSchema = z.strictObject({
  transport: z.enum(['sockets', 'packets'], 'must be sockets or packets').prefault('sockets').meta({
    description:
      "`sockets`: the kernel's TCP, TLS and WebSocket; `packets` (Linux, root): TCP in user space, for more clients than the kernel could hold twice. It takes an embedded target, or one that `target.command` starts, over tcp or ws; from lent machines (`c2m agent --packets`) one that listens already, at an IPv4 address.",
  }),
  agents: wholeOrAuto(4096).meta({
    description:
      'Processes that simulate the clients; `auto`: planned from the open-file limit and the cores.',
  }),
  lagLimit: quantity('duration', { min: Number.MIN_VALUE, words: 'more than nothing' })
    .prefault('100ms')
    .meta({
      description:
        'Messages may leave this late (p99); past it the generator is too slow and the run invalid.',
    }),
  drain: quantity('duration')
    .prefault('15s')
    .meta({ description: 'Longest wait after the last phase for what is still on its way.' }),
});

const MOST_GATES = 1000;

/** The whole file. Input: what YAML holds; output: a `Scenario`. */
export const scenarioSchema = z
  .strictObject(
    {
      name: z
        .string('must be a name for the run, such as quickstart')
        .regex(
          /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/,
          'must be letters, digits, dots and dashes: it becomes part of a folder name',
        )
        .meta({ description: 'Names the run and its folder.' }),
      extends: z
        .union([z.string(), z.array(z.string())], 'must be a file, or a list of files')
        .optional()
        .meta({
          description:
            'A scenario that this one is based on, by its path from here or the name of one that ships; of several, the later ones go over the earlier ones, and this file over all. Maps are laid over one another key by key, lists are replaced, null takes a key away.',
          shape: 'file, or list of files',
        }),
      description: z
        .string('must be text')
        .prefault('')
        .meta({ description: 'One sentence for the report and `c2m scenarios`.' }),
      seed: quantity('count', { max: 0xffff_ffff, words: 'at most 4294967295' })
        .prefault(1)
        .meta({ description: 'Everything random in the run follows from it.' }),
      target: targetSchema.meta({
        description: 'The server under test.',
        shape: '`embedded`, an address, or keys',
        short: [{ const: 'embedded' }, { type: 'string', pattern: '^(tcp|tls|wss?)://|\\$\\{' }],
        isRequired: true,
      }),
      clients: clientsSchema.meta({ description: 'The population.' }),
      messages: messagesSchema.prefault({}).meta({ description: 'What the clients say to each other.' }),
      groups: groupsSchema.optional().meta({
        description:
          'Messages to groups: the server makes one for each member, and each counts as a message of its own in the ledger.',
      }),
      phases: phasesSchema.meta({ description: 'What happens once all clients are connected, in order.' }),
      media: mediaSchema.optional().meta({
        description:
          'Load on the media port while the phases last, an open workload like that of the messages, which carry the links and the thumbnails.',
      }),
      actions: actionsSchema.prefault([]).meta({
        description:
          'What is done to the server or to the clients at a time of its own; the report marks it.',
      }),
      matrix: matrixSchema.optional().meta({
        description:
          'Runs of their own, every value of an axis with every value of the others; `c2m run` makes them by turns and lays them side by side. An axis is the path of a value with a list, or any name with a map of names to what each sets, by the paths of `--set`.',
        shape: '`clients.count: [1000, 5000]`, `server: {mine: {target: …}, other: {target: …}}`',
      }),
      generator: generatorSchema.prefault({}).meta({ description: 'The load generator itself.' }),
      agents: agentsSchema.prefault({}).meta({
        description: 'Machines that simulate the clients, where it is not this one alone.',
      }),
      reference: oneOf(PUBLISHED_RESULT_NAMES)
        .optional()
        .meta({ description: 'A published result; the report lays the run beside it.' }),
      gates: z
        .array(gateSchema, { error: 'must be a list of conditions, such as ["messages.lost == 0"]' })
        .max(MOST_GATES, `must be at most ${MOST_GATES} conditions`)
        .prefault([])
        .meta({
          description:
            'Conditions on the result; one that does not hold makes the exit status 99. A map says that it ends the run early.',
          shape: 'list of conditions, or of keys',
        }),
    },
    {
      error: (issue) =>
        issue.code === 'invalid_type' ? 'must be a map with name, target, clients and phases' : undefined,
    },
  )
  .transform(
    ({
      clients,
      messages,
      media = null,
      groups = null,
      actions,
      generator,
      agents,
      reference = null,
      matrix: _,
      extends: __,
      ...rest
    }): Scenario => ({
      ...rest,
      actions: expandActions(actions),
      media,
      groups,
      reference,
      clients: {
        count: clients.count,
        connectRate: clients.connectRate,
        connectTimeoutMs: clients.connectTimeout,
        heartbeatMs: clients.heartbeat,
        reconnectRate: clients.reconnectRate ?? clients.connectRate,
        firstUser: clients.firstUser,
      },
      messages,
      generator: {
        transport: generator.transport,
        agents: generator.agents,
        lagLimitMs: generator.lagLimit,
        drainMs: generator.drain,
      },
      agents: {
        nats: agents.nats ?? null,
        hosts: agents.hosts,
        atLeast: agents.atLeast,
        waitMs: agents.wait,
        labels: agents.labels,
        lost: agents.lost,
      },
    }),
  );
