import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ServerStats } from '../../protocol/stats.js';
import type { ListenAddress, ServerConfigInput } from '../../server/config.js';
import { builtBenchEntry } from '../entries.js';
import { MemoryWatch } from '../memory-watch.js';
import { commandLine } from '../process-tree.js';
import type { FromLauncher, ToLauncher } from './server-launcher.js';

const KEPT_LINES = 30;
const CLOSE_WITHIN_MS = 20_000;
const ASK_WITHIN_MS = 5000;

export interface TargetLimits {
  /** Writable memory of each process, which the kernel refuses past it (RLIMIT_DATA). */
  dataBytes: number;
  openFiles: number | undefined;
}

/** A server that is up, under limits, with its memory watched. */
export interface Target {
  ports: Record<ListenAddress['protocol'], number>;
  adminUrl: string;
  mediaUrl: string | null;
  watch: MemoryWatch;
  /** Why it has ended, if it has. */
  ended(): string | undefined;
  /** Undefined where it does not answer. */
  stats(): Promise<ServerStats | undefined>;
  /** The last lines of its log. */
  log(): string[];
  close(): Promise<void>;
}

/** @throws Error with what the server said, where it does not start */
export async function startTarget(config: ServerConfigInput, limits: TargetLimits): Promise<Target> {
  const files = limits.openFiles === undefined ? '' : `ulimit -n ${limits.openFiles}; `;
  const data = `ulimit -d ${Math.ceil(limits.dataBytes / 1024)}; `;
  const entry = builtBenchEntry('abuseServer');
  const launcher = spawn('sh', ['-c', `${files}${data}exec "$0" "$1"`, process.execPath, entry], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const lines: string[] = [];
  launcher.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line.trim() !== ''));
    lines.splice(0, lines.length - KEPT_LINES);
  });
  let ended: string | undefined;
  launcher.on('message', (message: FromLauncher) => {
    if (message.kind === 'ended') ended = message.reason;
  });
  launcher.once('exit', () => {
    ended ??= 'the process that started it ended';
  });
  tell(launcher, { config });
  const [started] = (await Promise.race([
    once(launcher, 'message'),
    once(launcher, 'exit').then(() => [{ kind: 'failed', reason: lines.join('\n') }]),
  ])) as [FromLauncher];
  if (started.kind !== 'listening') {
    launcher.kill();
    throw new Error(`the server does not start: ${started.reason}`);
  }
  const { addresses, adminUrl, mediaUrl, pid } = started.server;
  const watch = new MemoryWatch(pid);
  return {
    ports: Object.fromEntries(addresses.map(({ protocol, port }) => [protocol, port])) as Target['ports'],
    adminUrl: adminUrl as string,
    mediaUrl,
    watch,
    ended: () => ended,
    stats: () => readStats(adminUrl as string),
    log: () => lines,
    close: () => close(launcher, watch),
  };
}

async function readStats(adminUrl: string): Promise<ServerStats | undefined> {
  try {
    const response = await fetch(`${adminUrl}/stats`, { signal: AbortSignal.timeout(ASK_WITHIN_MS) });
    return (await response.json()) as ServerStats;
  } catch {
    return undefined;
  }
}

/** Ends the server, by force where it does not end itself, and every process that it has left behind. */
async function close(launcher: ChildProcess, watch: MemoryWatch): Promise<void> {
  watch.stop();
  if (launcher.exitCode === null && launcher.signalCode === null) {
    const timer = setTimeout(() => launcher.kill('SIGKILL'), CLOSE_WITHIN_MS);
    const exited = once(launcher, 'exit');
    tell(launcher, 'stop');
    await exited;
    clearTimeout(timer);
  }
  for (const pid of watch.pids) {
    // The number may have gone to somebody else by now.
    if (!commandLine(pid).includes('/dist/server/')) continue;
    process.kill(pid, 'SIGKILL');
  }
}

function tell(launcher: ChildProcess, message: ToLauncher): void {
  if (launcher.connected) launcher.send(message, () => undefined);
}
