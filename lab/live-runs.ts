import { readdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { RunAnswer, RunRequest } from '../loadgen/coordination/run-control.js';
import { type LiveRun, readAnnouncement, readAnswer } from '../loadgen/coordination/run-control.js';
import { RunError } from '../loadgen/run-error.js';
import { controlFolders, isOwnFolder } from './live-control-folder.js';
import { eachLine } from './socket-lines.js';

const ANSWER_TIMEOUT_MS = 5000;
const SOCKET = /^(\d+)-[0-9a-f]+\.sock$/;

/** Runs of this user on this machine that go on. */
export interface LocalRuns {
  runs: LiveRun[];
  /** Pids of those that are there and say nothing, such as one that a signal has stopped. */
  silent: number[];
}

/** Asks at every socket that is there; what killed runs left behind is removed. */
export async function findLocalRuns(folders = controlFolders()): Promise<LocalRuns> {
  const found: LocalRuns = { runs: [], silent: [] };
  for (const folder of folders) {
    if (!(await isOwnFolder(folder))) continue;
    await Promise.all((await readdir(folder)).map((name) => look(folder, name, found)));
  }
  return found;
}

async function look(folder: string, name: string, found: LocalRuns): Promise<void> {
  const pid = Number(SOCKET.exec(name)?.[1]);
  if (Number.isNaN(pid)) return;
  const path = join(folder, name);
  const lines = await readLines(path, 1);
  const announcement = readAnnouncement(lines?.[0] ?? '');
  if (announcement) found.runs.push({ announcement, ask: (request) => ask(path, request) });
  else if (lines) found.silent.push(pid);
  // Its socket is not there yet: it is about to listen, and alive.
  else if (!isAlive(pid)) await rm(path, { force: true });
}

async function ask(path: string, request: RunRequest): Promise<RunAnswer> {
  const [, answer] = (await readLines(path, 2, `${JSON.stringify(request)}\n`)) ?? [];
  if (answer !== undefined) return readAnswer(answer);
  throw new RunError(
    'C2M_RUN',
    `the run gave no answer within ${ANSWER_TIMEOUT_MS / 1000} s, or has ended meanwhile`,
  );
}

/** The first lines that come, fewer where no more did; undefined: nobody listens. */
function readLines(path: string, count: number, request = ''): Promise<string[] | undefined> {
  const socket = createConnection(path);
  const lines: string[] = [];
  return new Promise((resolve) => {
    const end = (): void => {
      socket.destroy();
      resolve(lines);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, end);
    socket.on('close', end);
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code === 'ECONNREFUSED' || code === 'ENOENT' ? undefined : lines);
    });
    eachLine(socket, (line) => {
      lines.push(line);
      if (lines.length === count) end();
    });
    if (request !== '') socket.write(request);
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
