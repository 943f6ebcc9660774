import { createRequire } from 'node:module';

/**
 * Built files that a process or a thread is started from, or that are handed to one. They are named here and nowhere else: nothing
 * else in the code says that it depends on such a file, so one that is moved or renamed is missed only when it runs.
 */
const ENTRIES = {
  /** The command line itself. */
  command: 'cli/c2m.js',
  /** Simulates a share of the clients. */
  agent: 'loadgen/agent/agent-process.js',
  /** The thread of an agent that tells a coordinator elsewhere that its process is not stopped. */
  agentBeat: 'loadgen/agent/beat-thread.js',
  /** The whole server, where it does not run in the process that wants it. */
  server: 'server/processes/server-process.js',
  /** One worker or home of the server. */
  serverWorker: 'server/processes/worker-process.js',
  /** Keeps files that clients upload. */
  media: 'server/media/media-process.js',
  /** Decodes pictures of strangers, within bounds. */
  thumbnails: 'server/media/thumbnail-process.js',
  /** Reads a store through before it is trusted. */
  storeTrial: 'server/store/store-trial.js',
  /** What the server does with frames, unless it is told to load something else. */
  handlers: 'server/hot-code/handlers.js',
  /** Tries handlers before they are put into force. */
  handlerTrial: 'server/hot-code/handler-trial.js',
} as const;

export type Entry = keyof typeof ENTRIES;

/** Their names, for whoever checks that all of them are there. */
export const ENTRY_NAMES = Object.keys(ENTRIES) as Entry[];

/**
 * Where the built file is. It is the built one also where the sources run, as under vitest: a child process of plain Node
 * reads no TypeScript.
 */
export function builtEntry(entry: Entry): string {
  return createRequire(import.meta.url).resolve(`#dist/${ENTRIES[entry]}`);
}

/** With an argument of their own, or behind a `=`. */
const OF_CODE = ['-e', '--eval', '-p', '--print', '-pe', '--input-type'];

/**
 * The flags of this process that its children get as well: not the code on its command line, which each child would run
 * instead of what it is for, and start children of its own.
 */
export function inheritedFlags(flags: readonly string[] = process.execArgv): string[] {
  return flags.filter((flag, at) => {
    const isOfCode = (each: string | undefined) =>
      OF_CODE.some((name) => each === name || each?.startsWith(`${name}=`));
    const before = flags[at - 1];
    const isArgument = !flag.startsWith('-') && before !== undefined && OF_CODE.includes(before);
    return !isOfCode(flag) && !isArgument;
  });
}
