import { z } from 'zod';
import { quote } from '../record/quantity.js';
import { oneOf } from './choice.js';
import { quantity } from './quantity-schema.js';
import { figureOf } from './raw-scenario.js';
import { ACTION_KINDS, type Action, type Target, type Which } from './scenario.js';

const MOST_TIMES = 1000;

/** What an action says beside when and what, and of which actions it says something. */
const SAID_OF: Record<string, readonly string[]> = {
  share: ['cut', 'pause'],
  for: ['pause', 'stop-node', 'cut-node'],
  worker: ['kill-worker'],
  node: ['kill-node', 'stop-node', 'cut-node', 'drain-node'],
  nats: ['kill-nats'],
  restartAfter: ['kill-node', 'kill-nats'],
  handlers: ['reload'],
};

/** Done to one node of a cluster, or to one of its servers of NATS. */
const OF_CLUSTERS: readonly string[] = ['kill-node', 'stop-node', 'cut-node', 'drain-node', 'kill-nats'];

/** What is done for a time that has to be said, and how it is asked for. */
const TIMED: Record<string, string> = {
  'stop-node': 'how long is it stopped',
  'cut-node': 'how long is it cut',
};

function which(what: string) {
  const error = ({ input }: { input?: unknown }) =>
    `${quote(input)} must be the number of a ${what}, from 1, or each`;
  return z.union([z.literal('each'), z.number().int({ error }).min(1, { error })], { error }).optional();
}

const actionSchema = z
  .strictObject({
    at: quantity('duration').meta({ description: 'When, counted from the beginning of the first phase.' }),
    do: oneOf(ACTION_KINDS).meta({
      description:
        '`kill-worker`: SIGKILL to one process of the server; `kill-server`: to all of it, and it is started again on the same mailboxes; `kill-node`: to one node of a cluster, which is started again; `stop-node`: SIGSTOP to one, and SIGCONT; `cut-node`: one is cut from the servers of NATS, and not from its clients; `drain-node`: SIGTERM to one, and once it has ended it is started again; `kill-nats`: SIGKILL to one server of NATS, which is started again on its data; `reload`: load the handlers anew; `cut`: break connections without a goodbye; `pause`: clients stop reading and sending, with their connections open. What is done to the server takes an embedded target; `kill-server` also one that `target.command` starts, and the same is started again.',
      isRequired: true,
    }),
    every: quantity('duration', { min: 100, words: 'at least 100ms' })
      .optional()
      .meta({ description: 'Do it again after this long, `times` in all.' }),
    times: z
      .number('must be a number')
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(MOST_TIMES, `must be at most ${MOST_TIMES}`)
      .prefault(1)
      .meta({ description: 'How often, with `every`.' }),
    share: quantity('share', { min: Number.MIN_VALUE, max: 1, words: 'more than nothing' })
      .optional()
      .meta({ description: 'For `cut` and `pause`: the share of the clients, drawn at random.' }),
    for: quantity('duration').optional().meta({
      description:
        'For `pause`: how long; without it, to the end of the last phase. For `stop-node` and `cut-node`: how long, which they need.',
    }),
    worker: z
      .number('must be the number of a worker, from 0')
      .int('must be a whole number')
      .min(0, 'must not be negative')
      .optional()
      .meta({ description: 'For `kill-worker`: which; without it one is drawn at random.' }),
    node: which('node').meta({
      description:
        'For what is done to a node: which; `each`: one after the other, time by time; without it one is drawn at random.',
      shape: 'number or `each`',
    }),
    nats: which('server of NATS').meta({
      description: 'For `kill-nats`: which, in the same way.',
      shape: 'number or `each`',
    }),
    restartAfter: quantity('duration').optional().meta({
      description: 'For `kill-node` and `kill-nats`: how long until it is started again.',
      fallback: '0s',
    }),
    handlers: z.string('must be a file').min(1, 'must not be empty').optional().meta({
      description:
        'For `reload`: a module with the handlers to load, which needs `c2m run --trust`; without it, those of the server once more.',
      shape: 'file',
    }),
    rejected: z.boolean('must be true or false').prefault(false).meta({
      description: 'For `reload`: this version is expected to be refused, and the former to stay in force.',
    }),
  })
  .superRefine((action, context) => {
    const refuse = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const isOfClients = action.do === 'cut' || action.do === 'pause';
    if (isOfClients && action.share === undefined)
      refuse('share', `is missing; ${action.do} what share, such as 10%?`);
    const howLong = TIMED[action.do];
    if (howLong && action.for === undefined) refuse('for', `is missing; ${howLong}, such as 5s?`);
    for (const [key, kinds] of Object.entries(SAID_OF)) {
      if (action[key as keyof typeof action] !== undefined && !kinds.includes(action.do))
        refuse(key, `says nothing about ${action.do}`);
    }
    if (action.times > 1 && action.every === undefined) refuse('every', 'is missing; how long between them?');
  });

const MOST_ENTRIES = 1000;
const MOST_IN_ALL = 100_000;

/** As they stand in the file; `expandActions` makes of them what is done. */
export const actionsSchema = z
  .array(actionSchema, {
    error: 'must be a list of actions, such as [{at: 5s, do: cut, share: 10%}]',
  })
  .max(MOST_ENTRIES, `must be at most ${MOST_ENTRIES} entries`)
  .refine((entries) => entries.reduce((sum, { times }) => sum + times, 0) <= MOST_IN_ALL, {
    error: `must be at most ${MOST_IN_ALL} in all, times included`,
  });

export type ActionEntry = z.output<typeof actionSchema>;

/** One action a time, by time: what is to be done `times` times is written out. */
export function expandActions(entries: readonly ActionEntry[]): Action[] {
  return entries
    .flatMap((entry) => timesOf(entry).map((atMs) => actionOf(entry, atMs)))
    .sort((one, other) => one.atMs - other.atMs);
}

function timesOf({ at, times, every = 0 }: ActionEntry): number[] {
  return Array.from({ length: times }, (_, time) => at + time * every);
}

function actionOf(entry: ActionEntry, atMs: number): Action {
  const { share = 0 } = entry;
  switch (entry.do) {
    case 'kill-worker':
      return { kind: 'kill-worker', atMs, worker: entry.worker ?? null };
    case 'kill-server':
      return { kind: 'kill-server', atMs };
    case 'kill-node':
      return { kind: 'kill-node', atMs, node: meant(entry.node), restartAfterMs: entry.restartAfter ?? 0 };
    case 'stop-node':
      return { kind: 'stop-node', atMs, node: meant(entry.node), forMs: entry.for ?? 0 };
    case 'cut-node':
      return { kind: 'cut-node', atMs, node: meant(entry.node), forMs: entry.for ?? 0 };
    case 'drain-node':
      return { kind: 'drain-node', atMs, node: meant(entry.node) };
    case 'kill-nats':
      return { kind: 'kill-nats', atMs, nats: meant(entry.nats), restartAfterMs: entry.restartAfter ?? 0 };
    case 'reload':
      return { kind: 'reload', atMs, handlers: entry.handlers ?? null, isRejected: entry.rejected };
    case 'cut':
      return { kind: 'cut', atMs, share };
    case 'pause':
      return { kind: 'pause', atMs, share, forMs: entry.for ?? null };
  }
}

function meant(which: Which | undefined): Which {
  return which ?? 'any';
}

/** What the rest of a scenario says about its actions; undefined: that part of it is wrong itself. */
export interface ActionSurroundings {
  /** Of the last phase. */
  endMs: number | undefined;
  targetKind: Target['kind'] | undefined;
  store: unknown;
  transport: unknown;
  /** Undefined: it is none. */
  cluster: { nodes: unknown; nats: unknown } | undefined;
}

/**
 * What only the whole scenario can tell of one of its actions.
 * @param entry as YAML holds it; what is wrong with itself is told elsewhere
 */
export function actionProblem(
  entry: Record<string, unknown>,
  { endMs, targetKind, store, transport, cluster }: ActionSurroundings,
): { key: string; message: string } | undefined {
  const kind = ACTION_KINDS.find((each) => each === entry.do);
  if (!kind) return undefined;
  const atMs = figureOf('duration', entry.at);
  const lastMs = lastTime(entry, atMs);
  if (endMs !== undefined && lastMs !== undefined && lastMs > endMs) {
    const message = `${kind} at ${lastMs / 1000}s comes after the last phase, which ends at ${endMs / 1000}s`;
    return { key: (atMs ?? 0) > endMs ? 'at' : 'times', message };
  }
  if (kind === 'pause' && transport === 'packets') {
    return {
      key: 'do',
      message: 'pause takes clients whose TCP is the kernel’s; write generator.transport: sockets',
    };
  }
  if (kind === 'cut' || kind === 'pause') return undefined;
  if (OF_CLUSTERS.includes(kind)) return clusterProblem(kind, entry, targetKind, cluster);
  if (targetKind === 'external') {
    const orCommand = kind === 'kill-server' ? ', or target.command' : '';
    return {
      key: 'do',
      message: `${kind} is done to a server that the lab started; write target: embedded${orCommand}, or leave it out`,
    };
  }
  if (targetKind === 'command' && kind !== 'kill-server') {
    return {
      key: 'do',
      message: `${kind} is done to the reference server alone; write kill-server, or leave it out`,
    };
  }
  if (kind === 'kill-worker' && cluster) {
    return { key: 'do', message: 'kill-worker is done to one server alone; of a cluster write kill-node' };
  }
  if (kind === 'kill-server' && targetKind === 'embedded' && store === 'memory' && !cluster) {
    return {
      key: 'do',
      message: 'kill-server loses every mailbox that is kept in memory; write target.embedded.store: lmdb',
    };
  }
  return undefined;
}

function clusterProblem(
  kind: string,
  { node, nats }: Record<string, unknown>,
  targetKind: Target['kind'] | undefined,
  cluster: ActionSurroundings['cluster'],
): { key: string; message: string } | undefined {
  // What the target is cannot be told, and that is told elsewhere.
  if (targetKind === undefined) return undefined;
  if (!cluster) {
    return {
      key: 'do',
      message: `${kind} is done to a cluster that the lab started; write target.embedded.cluster, or leave it out`,
    };
  }
  const [key, chosen, there] =
    kind === 'kill-nats' ? ['nats', nats, cluster.nats] : ['node', node, cluster.nodes];
  if (typeof chosen !== 'number' || typeof there !== 'number' || chosen <= there) return undefined;
  return { key: key as string, message: `there is no number ${chosen}; there are ${there}, from 1 on` };
}

/** Of an action that is done several times, as far as that can be told. */
function lastTime(
  { every, times = 1 }: Record<string, unknown>,
  atMs: number | undefined,
): number | undefined {
  if (atMs === undefined || typeof times !== 'number') return undefined;
  return times > 1 ? atMs + (times - 1) * (figureOf('duration', every) ?? 0) : atMs;
}
