import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../loadgen/agent-messages.js';
import { monotonicMs } from '../loadgen/monotonic-clock.js';
import type { ServerProcesses } from '../loadgen/recording/process-sum.js';
import { ProcessTree } from '../loadgen/recording/server-processes.js';
import type { ServerControl } from '../loadgen/run-request.js';
import { PACKET_SERVER_HOST } from '../loadgen/transports/packets/packet-addresses.js';
import { formatAddress } from '../protocol/address.js';
import { RECORD_FILES } from '../record/folder.js';
import { printable } from '../record/printable.js';
import { formatQuantity } from '../record/quantity.js';
import { programProblem } from '../scenarios/missing-program.js';
import type { ServerAction, ServerCommand } from '../scenarios/scenario.js';
import { clearOwnerless, makeTemporaryFolder, type TemporaryFolder } from '../server/temporary-folder.js';
import { atAbruptEnd, removeAtAbruptEnd } from './abrupt-end.js';
import { LaunchedServer } from './launched-server.js';
import { listeningPlaces, listensEverywhere, notListening, waitUntilListening } from './listening.js';
import { ServerLog } from './server-log.js';

/** Lines of its output that an error shows. */
const LINES_SHOWN = 12;
/** How often a start is tried again: a port may stay taken for a moment after the process that had it has ended. */
const START_AGAIN_EVERY_MS = 200;

/** In its environment: an empty folder of the run's own, for what the server keeps. It is there again after `kill-server`. */
const DATA_FOLDER = 'C2M_DATA';

/** What a server that wants to be a daemon is told; the lab knows that it runs by the process that it started. */
const IN_FOREGROUND =
  'if it put itself into the background, tell it to stay in the foreground (mosquitto: without -d)';

/** How many of the places where it listens instead an error shows. */
const PLACES_SHOWN = 5;

/** A server that could not be started by its command; the message shows what it said. */
export class CommandServerError extends Error {
  readonly code = 'C2M_COMMAND';
  /** The same on one line, with the last line of what it said. */
  readonly brief: string;

  constructor(message: string, brief = message) {
    super(message);
    this.brief = brief;
  }
}

export interface CommandServerPlan {
  command: ServerCommand;
  /** Where it is to listen. */
  endpoints: Endpoint[];
  /** Clients come over packets, so not to loopback. */
  isOnDevice: boolean;
  /** Of the record: what it says is kept there. */
  folder: string;
}

/** The server of a run that `target.command` starts. */
export class CommandServer implements ServerControl {
  /** Resolves with the reason when it ended and nobody had asked for it. */
  readonly died: Promise<string>;
  readonly processes: ServerProcesses = new ProcessTree(() => this.#launched?.pid, {
    leadsSession: true,
  });
  readonly #plan: CommandServerPlan;
  readonly #log: ServerLog;
  readonly #data: TemporaryFolder;
  readonly #abruptEnds: { release(): void }[];
  #launched: LaunchedServer | undefined;
  #reportDeath: (reason: string) => void = () => undefined;

  private constructor(plan: CommandServerPlan, data: TemporaryFolder) {
    this.#plan = plan;
    this.#data = data;
    mkdirSync(this.#dataPath);
    this.#log = new ServerLog(join(plan.folder, RECORD_FILES.serverLog));
    this.died = new Promise((resolve) => {
      this.#reportDeath = resolve;
    });
    this.#abruptEnds = [
      atAbruptEnd(() => {
        this.#launched?.killNow();
        this.#log.close();
      }),
      removeAtAbruptEnd(data.path),
    ];
  }

  /**
   * Resolves once it listens everywhere, or the signal says that nobody wants it any more.
   * @throws CommandServerError with what the server said last
   */
  static async start(plan: CommandServerPlan, signal: AbortSignal): Promise<CommandServer> {
    await demandFree(plan.endpoints);
    await clearOwnerless();
    const server = new CommandServer(plan, await makeTemporaryFolder('c2m-target-'));
    try {
      await server.#launch(monotonicMs() + plan.command.readyWithinMs, signal);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  async act(action: ServerAction): Promise<string> {
    if (action.kind !== 'kill-server')
      throw new Error(`${action.kind} is done to the reference server alone`);
    await this.#killAndRestart();
    return 'kill server';
  }

  async close(): Promise<void> {
    const { stopWithinMs } = this.#plan.command;
    const launched = this.#launched;
    // From now on the server is ended on purpose: that is no failure of the run.
    this.#launched = undefined;
    if (await launched?.end(stopWithinMs))
      this.#log.note(`still there ${formatQuantity('duration', stopWithinMs)} after SIGTERM: killed`);
    await this.#data.remove();
    for (const end of this.#abruptEnds) end.release();
    this.#log.close();
  }

  /** Within that folder, beside the mark that it has. */
  get #dataPath(): string {
    return join(this.#data.path, 'data');
  }

  async #killAndRestart(): Promise<void> {
    const launched = this.#launched;
    this.#launched = undefined;
    await launched?.kill();
    this.#log.note('killed, to be started again');
    const deadlineMs = monotonicMs() + this.#plan.command.readyWithinMs;
    let whole: CommandServerError | undefined;
    for (;;) {
      try {
        await this.#launch(deadlineMs);
        return;
      } catch (error) {
        if (!(error instanceof CommandServerError)) throw error;
        // The deadline cut this try off, so the reason of the try before says more.
        if (monotonicMs() < deadlineMs) whole = error;
        if (monotonicMs() + START_AGAIN_EVERY_MS >= deadlineMs) {
          this.#reportDeath(`the server did not come back: ${(whole ?? error).brief}`);
          // The death of the server is reported elsewhere.
          throw new CommandServerError('the server did not come back');
        }
        await sleep(START_AGAIN_EVERY_MS);
      }
    }
  }

  async #launch(deadlineMs: number, signal = new AbortController().signal): Promise<void> {
    const { command, endpoints, isOnDevice } = this.#plan;
    this.#log.forgetLastLines();
    const launched = new LaunchedServer(command, { name: DATA_FOLDER, value: this.#dataPath }, this.#log);
    this.#launched = launched;
    const waiting = new AbortController();
    const first = await Promise.race([
      launched.ended,
      waitUntilListening(endpoints, deadlineMs, AbortSignal.any([signal, waiting.signal])),
    ]);
    waiting.abort();
    if (signal.aborted) return;
    // It has ended, and something still takes connections: a process that it left behind.
    const how = launched.hasEnded ? await launched.ended : (first as Endpoint[]);
    const problem =
      typeof how === 'string'
        ? endedTooEarly(how)
        : how.length > 0
          ? this.#notListening(how, launched)
          : isOnDevice
            ? unreachable(endpoints)
            : undefined;
    if (problem !== undefined) {
      await launched.kill();
      this.#launched = undefined;
      throw launched.failure ? this.#notStarted(launched.failure) : this.#failed(problem);
    }
    this.#watch(launched);
  }

  #watch(launched: LaunchedServer): void {
    launched.ended.then((how) => {
      if (this.#launched !== launched) return;
      const background = how === 'exit 0' && launched.pids.length > 0 ? `; ${IN_FOREGROUND}` : '';
      this.#reportDeath(`the server ended (${how})${background}${this.#lastLine()}`);
    });
  }

  #lastLine(): string {
    const [lastLine] = this.#log.lastLines(1);
    return lastLine === undefined ? '' : `; its last line: ${printable(lastLine)}`;
  }

  #notListening(missing: Endpoint[], launched: LaunchedServer): string {
    const { readyWithinMs } = this.#plan.command;
    const places = listeningPlaces(launched.pids).slice(0, PLACES_SHOWN);
    const instead = places.length === 0 ? '' : `; it listens at ${places.join(', ')}`;
    return `did not listen at ${missing.map(formatAddress).join(', ')} within ${formatQuantity('duration', readyWithinMs)}${instead}`;
  }

  /** It was there when the scenario was read, or is a script whose interpreter is not. */
  #notStarted(failure: Error): CommandServerError {
    const { run, cwd, env } = this.#plan.command;
    const problem =
      programProblem(run[0] ?? '', cwd, env.PATH ?? process.env.PATH) ??
      `${run[0]} cannot be run (${failure.message}), such as a script whose first line names a program that is not there`;
    return new CommandServerError(`target.command: ${printable(problem)}; correct target.command.run`);
  }

  #failed(problem: string): CommandServerError {
    const lines = this.#log.lastLines(LINES_SHOWN).map((line) => `  ${printable(line)}`);
    const output =
      lines.length === 0
        ? 'It said nothing.'
        : `What it said last (all of it is in ${this.#log.path}):\n${lines.join('\n')}`;
    const what = `${printable(this.#plan.command.run.join(' '))} ${problem}`;
    return new CommandServerError(`target.command: ${what}. ${output}`, `it ${problem}${this.#lastLine()}`);
  }
}

function endedTooEarly(how: string): string {
  return `ended before it took a connection (${how}${how === 'exit 0' ? `; ${IN_FOREGROUND}` : ''})`;
}

/** Whoever listens there already would get the load, and the record would be about somebody else. */
async function demandFree(endpoints: readonly Endpoint[]): Promise<void> {
  const missing = await notListening(endpoints);
  const taken = endpoints.filter((endpoint) => !missing.includes(endpoint));
  if (taken.length === 0) return;
  throw new CommandServerError(
    `target.addresses: something listens at ${taken.map(formatAddress).join(', ')} already, before target.command was started; end it, or choose another port`,
  );
}

function unreachable(endpoints: readonly Endpoint[]): string | undefined {
  const onLoopback = endpoints.filter(({ port }) => !listensEverywhere(port));
  if (onLoopback.length === 0) return undefined;
  const ports = onLoopback.map(({ port }) => port).join(', ');
  return `listens on loopback alone at port ${ports}, and packets come to ${PACKET_SERVER_HOST}; let it listen on 0.0.0.0`;
}
