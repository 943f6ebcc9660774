import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { builtEntry } from '../../entries.js';
import type { FromThumbnails, ThumbnailJob } from './thumbnail-process.js';

const START_TIMEOUT_MS = 20_000;
const WATCH_EVERY_MS = 50;
/** The clock of /proc/PID/stat, the same on every Linux. */
const MS_A_TICK = 10;
/** Of the smallest page there is: where pages are larger, the limit of the kernel is the one that holds. */
const PAGE_BYTES = 4096;
const SHELL = '/bin/sh';
/** It holds a picture, and no heap to speak of; few threads, because the stack of each is counted. */
const NODE_FLAGS = ['--max-old-space-size=64', '--v8-pool-size=1'];
const THREADS = '2';

export type ThumbnailResult = Exclude<FromThumbnails, { kind: 'ready' }> | { kind: 'died'; message: string };

/** What one picture may cost. */
export interface DecodingLimits {
  memoryBytes: number;
  /** CPU time: on a busy machine an honest picture waits, and is no fault. */
  cpuMs: number;
  /** For one that does nothing, and where CPU time cannot be had. */
  wallMs: number;
}

/** The largest picture that is taken needs a second or two; one that needs longer is made to. */
export const DECODING_TIMES = { cpuMs: 5000, wallMs: 20_000 };

/**
 * A process that decodes one picture at a time, and is killed with what it holds when it takes too long or too much.
 * The kernel bounds its private memory (RLIMIT_DATA), where there is a shell to set that; its resident memory is
 * looked at as well, for the kernels that do not.
 */
export class ThumbnailChild {
  readonly #process: ChildProcess;
  readonly #limits: DecodingLimits;
  #isDead = false;
  #lacking: string | null = null;
  #answer: ((result: ThumbnailResult) => void) | undefined;
  #ready: (() => void) | undefined;
  #died: (error: Error) => void = () => undefined;

  private constructor(limits: DecodingLimits) {
    this.#limits = limits;
    this.#process = spawnBounded(limits.memoryBytes);
    this.#process.on('message', (message: FromThumbnails) => {
      if (message.kind !== 'ready') return this.#finish(message);
      this.#lacking = message.lacking;
      this.#ready?.();
    });
    this.#process.once('error', (error) => this.#end(error.message));
    this.#process.once('exit', (code, signal) => this.#end(signal ?? `exit ${code}`));
  }

  /** @throws Error where it cannot be started, as on a machine that is short of memory or descriptors */
  static async start(limits: DecodingLimits): Promise<ThumbnailChild> {
    const child = new ThumbnailChild(limits);
    const timer = setTimeout(() => child.kill(), START_TIMEOUT_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        child.#ready = resolve;
        child.#died = reject;
      });
      return child;
    } finally {
      clearTimeout(timer);
    }
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Why it can decode nothing; null: it can. */
  get lacking(): string | null {
    return this.#lacking;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** One at a time. */
  async make(job: ThumbnailJob): Promise<ThumbnailResult> {
    let why: string | undefined;
    const kill = (reason: string) => {
      why ??= reason;
      this.kill();
    };
    const { memoryBytes, cpuMs, wallMs } = this.#limits;
    const timer = setTimeout(() => kill(`it took more than ${wallMs} ms`), wallMs);
    const before = await usageOf(this.#process.pid);
    const watch = setInterval(async () => {
      const now = await usageOf(this.#process.pid);
      if (now.residentBytes > memoryBytes) kill(`it took more than ${memoryBytes} bytes`);
      if (now.cpuMs - before.cpuMs > cpuMs) kill(`it took more than ${cpuMs} ms of CPU time`);
    }, WATCH_EVERY_MS);
    try {
      const result = await new Promise<ThumbnailResult>((resolve) => {
        if (this.#isDead) return resolve({ kind: 'died', message: 'it had ended before' });
        this.#answer = resolve;
        // Where it cannot be told, it is dead, which is heard of in a moment.
        this.#process.send(job, () => undefined);
      });
      return result.kind === 'died' && why ? { ...result, message: why } : result;
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
    }
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #finish(result: ThumbnailResult): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(result);
  }

  #end(reason: string): void {
    this.#isDead = true;
    this.#died(new Error(`the process for thumbnails ended: ${reason}`));
    this.#finish({ kind: 'died', message: `it was too much for the process that decodes (${reason})` });
  }
}

function spawnBounded(memoryBytes: number): ChildProcess {
  const node = [process.execPath, ...NODE_FLAGS, builtEntry('thumbnails')];
  const kib = String(Math.ceil(memoryBytes / 1024));
  const [command = '', ...args] = existsSync(SHELL)
    ? [SHELL, '-c', 'ulimit -d "$1"; shift; exec "$@"', SHELL, kib, ...node]
    : node;
  return spawn(command, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
    // glibc's arenas, one a thread, are counted by the limit and used by nobody.
    env: { ...process.env, UV_THREADPOOL_SIZE: THREADS, MALLOC_ARENA_MAX: '2' },
  });
}

/** Zeros where it is gone, or the system has no /proc. */
async function usageOf(pid: number | undefined): Promise<{ residentBytes: number; cpuMs: number }> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // proc(5): behind the name in brackets, utime and stime are the 12th and 13th field, rss in pages the 22nd.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    residentBytes: Number(fields[21] ?? 0) * PAGE_BYTES,
    cpuMs: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * MS_A_TICK,
  };
}
