import { z } from 'zod';
import { oneOf } from './choice.js';
import { quantity } from './quantity-schema.js';
import { ACTION_KINDS, type Action, type Phase, type Target } from './scenario.js';

const MOST_TIMES = 1000;

const actionSchema = z
  .strictObject({
    at: quantity('duration').meta({ description: 'When, counted from the beginning of the first phase.' }),
    do: oneOf(ACTION_KINDS).meta({
      description:
        '`kill-worker`: SIGKILL to one process of the server; `kill-server`: to all of it, and it is started again on the same mailboxes; `reload`: load the handlers anew; `cut`: break connections without a goodbye; `pause`: clients stop reading and sending, with their connections open. What is done to the server takes an embedded target.',
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
    for: quantity('duration')
      .optional()
      .meta({ description: 'For `pause`: how long; without it, to the end of the last phase.' }),
    worker: z
      .number('must be the number of a worker, from 0')
      .int('must be a whole number')
      .min(0, 'must not be negative')
      .optional()
      .meta({ description: 'For `kill-worker`: which; without it one is drawn at random.' }),
    handlers: z.string('must be a file').min(1, 'must not be empty').optional().meta({
      description:
        'For `reload`: a module with the handlers to load; without it, those of the server once more.',
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
    if (!isOfClients && action.share !== undefined) refuse('share', `says nothing about ${action.do}`);
    if (action.do !== 'pause' && action.for !== undefined) refuse('for', `says nothing about ${action.do}`);
    if (action.do !== 'kill-worker' && action.worker !== undefined)
      refuse('worker', `says nothing about ${action.do}`);
    if (action.do !== 'reload' && action.handlers !== undefined)
      refuse('handlers', `says nothing about ${action.do}`);
    if (action.times > 1 && action.every === undefined) refuse('every', 'is missing; how long between them?');
  });

/** One entry a time: what is to be done `times` times is written out. */
export const actionsSchema = z
  .array(actionSchema, {
    error: 'must be a list of actions, such as [{at: 5s, do: cut, share: 10%}]',
  })
  .transform((entries): Action[] =>
    entries
      .flatMap((entry) =>
        Array.from({ length: entry.times }, (_, time) =>
          actionOf(entry, entry.at + time * (entry.every ?? 0)),
        ),
      )
      .sort((one, other) => one.atMs - other.atMs),
  );

function actionOf(entry: z.output<typeof actionSchema>, atMs: number): Action {
  const { share = 0 } = entry;
  switch (entry.do) {
    case 'kill-worker':
      return { kind: 'kill-worker', atMs, worker: entry.worker ?? null };
    case 'kill-server':
      return { kind: 'kill-server', atMs };
    case 'reload':
      return { kind: 'reload', atMs, handlers: entry.handlers ?? null, isRejected: entry.rejected };
    case 'cut':
      return { kind: 'cut', atMs, share };
    case 'pause':
      return { kind: 'pause', atMs, share, forMs: entry.for ?? null };
  }
}

interface ScenarioOfActions {
  actions: Action[];
  phases: Phase[];
  target: Target;
  generator: { transport: string };
}

/** What only the whole scenario can tell of its actions. */
export function checkActions(scenario: ScenarioOfActions, context: z.RefinementCtx): void {
  for (const action of scenario.actions) {
    const message = problemOf(action, scenario);
    if (message === undefined) continue;
    context.addIssue({ code: 'custom', path: ['actions'], message });
    return;
  }
}

function problemOf(action: Action, { phases, target, generator }: ScenarioOfActions): string | undefined {
  const endMs = phases.reduce((sum, { durationMs }) => sum + durationMs, 0);
  if (action.atMs > endMs) {
    return `${action.kind} at ${action.atMs / 1000}s comes after the last phase, which ends at ${endMs / 1000}s`;
  }
  if (action.kind === 'pause' && generator.transport === 'packets') {
    return 'pause takes clients whose TCP is the kernel’s; write generator.transport: sockets';
  }
  if (action.kind === 'cut' || action.kind === 'pause') return undefined;
  if (target.kind !== 'embedded') {
    return `${action.kind} is done to a server that the lab started; write target: embedded, or leave it out`;
  }
  if (action.kind === 'kill-server' && target.store === 'memory') {
    return 'kill-server loses every mailbox that is kept in memory; write target.embedded.store: lmdb';
  }
  return undefined;
}
