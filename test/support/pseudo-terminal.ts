import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { afterEachTest } from './clean-up.js';
import { earlierRows, testTerminal } from './terminal.js';

/** A command that runs in a pseudo terminal of 80x24. */
export interface TerminalSession {
  /** Resolves once the command has written text that matches. */
  said(pattern: RegExp): Promise<void>;
  /** As if typed: `\u0003` is Ctrl-C. */
  type(keys: string): void;
  /** Resolves with the exit status and with all that was written, escape sequences and all. */
  ended: Promise<{ status: number | null; output: string }>;
}

/** Written at the end of each frame that is redrawn. */
const END_FRAME = '\u001b[?2026l';

const sessions = new Set<ChildProcessByStdio<Writable, Readable, null>>();

/**
 * Starts node with these arguments in a pseudo terminal that `script` of util-linux makes: Node itself cannot make one.
 * It is ended after the test.
 */
export function startInTerminal(...argv: string[]): TerminalSession {
  const command = [process.execPath, ...argv].map(quoted).join(' ');
  const child = spawn('script', ['-qefc', `stty rows 24 cols 80; exec ${command}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: undefined, FORCE_COLOR: undefined },
  });
  sessions.add(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<{ status: number | null; output: string }>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      const hint = 'this test needs `script` of util-linux; Debian: apt-get install bsdutils';
      reject(error.code === 'ENOENT' ? new Error(hint) : error);
    });
    child.on('close', (status) => {
      sessions.delete(child);
      resolve({ status, output });
    });
  });
  return {
    ended,
    type: (keys) => child.stdin.write(keys),
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(output)) resolve();
        };
        child.stdout.on('data', look);
        look();
        ended.then(() => reject(new Error(`ended before it said ${pattern}: ${output}`)), reject);
      }),
  };
}

/** What a session has shown on a terminal of 80x24 whose last row it began on. */
export interface Replay {
  /** The rows that it had made after each frame that was redrawn. */
  frames: string[][];
  /** The rows that it has left behind. */
  last: string[];
  isCursorVisible: boolean;
  /** What was on the terminal before is there still, as it was. */
  isEarlierIntact: boolean;
}

/** Shows all that a session has written, frame by frame. */
export async function replay(output: string): Promise<Replay> {
  const terminal = testTerminal();
  const earlier = earlierRows(terminal);
  const frames: string[][] = [];
  let isEarlierIntact = true;
  const look = async (): Promise<string[]> => {
    const rows = await terminal.rows();
    isEarlierIntact &&= earlier.every((row, index) => rows[index] === row);
    return rows.slice(earlier.length);
  };
  const parts = output.split(END_FRAME);
  for (const part of parts.slice(0, -1)) {
    terminal.print(`${part}${END_FRAME}`);
    frames.push(await look());
  }
  terminal.print(parts.at(-1) ?? '');
  return { frames, last: await look(), isCursorVisible: await terminal.isCursorVisible(), isEarlierIntact };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

afterEachTest('users', () => {
  for (const session of sessions) session.kill('SIGKILL');
});
