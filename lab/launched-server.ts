import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../loadgen/monotonic-clock.js';
import { type ProcessFacts, processesWithVariable, readProcesses, treeOf } from '../loadgen/process-table.js';
import type { ServerCommand } from '../scenarios/scenario.js';
import { guardGroup } from './process-guard.js';
import { sendSignal } from './send-signal.js';
import type { ServerLog } from './server-log.js';

/** How long its last output is waited for after its end. A child that it left behind may hold the pipe open for longer. */
const LAST_WORDS_MS = 300;
const LOOK_EVERY_MS = 25;
/** How long killed processes may take to be gone. */
const KILLED_WITHIN_MS = 5000;

/** A variable of the environment by whose value all that came from a server is known, wherever it went. */
export interface ServerMark {
  name: string;
  value: string;
}

/**
 * A server that is not ours, started once: a process in a session of its own, with all that comes from it. What leaves
 * that session, as a daemon does, is found by the mark in its environment when the server is ended.
 */
export class LaunchedServer {
  /** Resolves when the process has ended, with how: `SIGKILL`, `exit 1`. What it left behind may still run. */
  readonly ended: Promise<string>;
  /** Undefined: it could not be started at all. */
  readonly pid: number | undefined;
  readonly #child: ChildProcess;
  readonly #guard: { release(): void } | undefined;
  readonly #mark: ServerMark;
  #hasEnded = false;
  #failure: Error | undefined;

  constructor({ run, cwd, env }: ServerCommand, mark: ServerMark, log: ServerLog) {
    this.#mark = mark;
    const [program = '', ...args] = run;
    this.#child = spawn(program, args, {
      cwd,
      env: { ...process.env, [mark.name]: mark.value, ...env },
      // A session and a group of its own: Ctrl-C in the terminal of the lab is not for it, and all of it can be ended.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const output of [this.#child.stdout, this.#child.stderr])
      output?.on('data', (bytes: Buffer) => log.write(bytes));
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#hasEnded = true;
        resolve(how);
      };
      // There is no such program, or it may not be run.
      this.#child.once('error', (error) => {
        this.#failure ??= error;
        end(error.message);
      });
      this.#child.once('exit', (code, signal) => {
        this.#hasEnded = true;
        const timer = setTimeout(() => end(signal ?? `exit ${code}`), LAST_WORDS_MS);
        this.#child.once('close', () => {
          clearTimeout(timer);
          end(signal ?? `exit ${code}`);
        });
      });
    });
    this.pid = this.#child.pid;
    this.#guard =
      this.pid === undefined
        ? undefined
        : guardGroup(this.pid, mark, (reason) =>
            log.note(`nobody ends the server if c2m is killed: ${reason}`),
          );
  }

  /** Why it could not be started at all. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The process itself has ended; `ended` says how in a moment. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Of all that came from it and is there now. */
  get pids(): number[] {
    return this.#running().map(({ pid }) => pid);
  }

  /** SIGTERM to all of it, and SIGKILL to what is left after so long. @returns whether that was needed */
  async end(withinMs: number): Promise<boolean> {
    this.#signalAll('SIGTERM');
    const isGone = await this.#gone(withinMs);
    if (!isGone) await this.kill();
    this.#release();
    return !isGone;
  }

  /** SIGKILL to all of it; resolves when it is gone, and its ports with it. */
  async kill(): Promise<void> {
    this.killNow();
    // Killed again at each look, because a process may have forked since.
    await this.#gone(KILLED_WITHIN_MS, () => this.killNow());
    this.#release();
  }

  /** SIGKILL without waiting for the effect, where this process is about to end. */
  killNow(): void {
    this.#signalAll('SIGKILL');
  }

  /** Parents before their children, or they would start the children again. */
  #signalAll(signal: NodeJS.Signals): void {
    const running = this.#running();
    for (const { pid } of running) sendSignal(pid, signal);
    // Without /proc the group stands in for what came from it.
    if (running.length === 0 && !this.#hasEnded && this.pid !== undefined) sendSignal(-this.pid, signal);
  }

  async #gone(withinMs: number, again: () => void = () => undefined): Promise<boolean> {
    const deadlineMs = monotonicMs() + withinMs;
    while (!this.#hasEnded || this.#running().length > 0) {
      if (monotonicMs() >= deadlineMs) return false;
      again();
      await sleep(LOOK_EVERY_MS);
    }
    return true;
  }

  /** Without zombies: they have ended and hold nothing, and in a container may wait for ever to be collected. */
  #running(): ProcessFacts[] {
    if (this.pid === undefined) return [];
    // A pid may be given to another process; the number of a session is not reused while somebody is in it.
    const roots = new Set(this.#hasEnded ? [] : [this.pid]);
    const processes = readProcesses();
    for (const { pid } of processesWithVariable(this.#mark.name, this.#mark.value, processes)) roots.add(pid);
    return treeOf(roots, processes, this.pid).filter(({ isZombie, pid }) => !isZombie && pid !== process.pid);
  }

  /** Whoever left the session of the server and is still there keeps the pipes open: they must not hold this process. */
  #release(): void {
    this.#guard?.release();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}
