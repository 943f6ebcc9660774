import { z } from 'zod';
import { CommandLineError, splitCommandLine } from './command-words.js';
import { quantity } from './quantity-schema.js';
import type { ServerCommand } from './scenario.js';

const PROGRAM = 'must be a program and its arguments, such as [node, server.js, --port, 8080]';
const SHORTEST_WAIT = { min: 1, words: 'more than nothing' };

const runSchema = z
  .union([z.string(), z.array(z.union([z.string(), z.number()]))], PROGRAM)
  .transform((value, context): string[] => {
    const refuse = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    try {
      const words = typeof value === 'string' ? splitCommandLine(value) : value.map(String);
      if (!words[0]) return refuse(`is empty; it ${PROGRAM}`);
      return words.some((word) => word.includes('\0')) ? refuse('must not hold a zero byte') : words;
    } catch (error) {
      if (!(error instanceof CommandLineError)) throw error;
      return refuse(error.message);
    }
  })
  .meta({
    description:
      'Program and arguments, as a list, or as one line that is split at its spaces and quotes. No shell is used.',
    shape: 'list of words, or one line',
    isRequired: true,
  });

/** `target.command`: the lab starts a server that is not ours. */
export const commandSchema = z
  .preprocess(
    expandCommand,
    z.strictObject(
      {
        run: runSchema,
        cwd: z.string('must be a folder').min(1, 'must not be empty').prefault('.').meta({
          description: 'Folder that it runs in, from that of the scenario.',
          shape: 'folder',
        }),
        env: z
          .record(
            z.string().regex(/^[A-Za-z_]\w*$/),
            z.union([z.string(), z.number(), z.boolean()], 'must be text').transform(String),
            {
              error: ({ code }) =>
                code === 'invalid_key'
                  ? 'is not the name of a variable; write letters, digits and underscores, such as LOG'
                  : 'must be a map of variables, such as {LOG: quiet}',
            },
          )
          .prefault({})
          .meta({
            description: 'Variables beside those of the lab. The record keeps their names, not their values.',
            shape: 'map of variables',
          }),
        readyWithin: quantity('duration', SHORTEST_WAIT).prefault('10s').meta({
          description: 'All addresses must take a connection within this time, also after `kill-server`.',
        }),
        stopWithin: quantity('duration')
          .prefault('5s')
          .meta({ description: 'It has this long to end on SIGTERM; then comes SIGKILL.' }),
      },
      'must say what to run, such as {run: [node, server.js]}',
    ),
  )
  .transform(
    ({ run, cwd, env, readyWithin, stopWithin }): ServerCommand => ({
      run,
      cwd,
      env,
      readyWithinMs: readyWithin,
      stopWithinMs: stopWithin,
    }),
  );

/** `command: node server.js` is short for what is run. */
export function expandCommand(value: unknown): unknown {
  return typeof value === 'string' || Array.isArray(value) ? { run: value } : value;
}
