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
import type { ServerAction, ServerCommand } from '../scenarios/scenario.js';
import { clearOwnerless, makeTemporaryFolder, type TemporaryFolder } from '../server/temporary-folder.js';
import { atAbruptEnd, removeAtAbruptEnd } from './abrupt-end.js';
import { LaunchedServer } from './launched-server.js';
import { listensEverywhere, notListening, waitUntilListening } from './listening.js';
import { ServerLog } from './server-log.js';

/** Of its output, what an error shows. */
const LINES_SHOWN = 12;
/** A port may be free only a moment after whoever had it. */
const START_AGAIN_EVERY_MS = 200;

/** In its environment: an empty folder of the run's own, for what the server keeps. It is there again after `kill-server`. */
const DATA_FOLDER = 'C2M_DATA';

/** A server that could not be started by its command; the message shows what it said. */
export class CommandServerError extends Error {
  readonly code = 'C2M_COMMAND';
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
    // From now on its end is nobody's fault.
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
    for (;;) {
      try {
        await this.#launch(deadlineMs);
        return;
      } catch (error) {
        if (!(error instanceof CommandServerError)) throw error;
        if (monotonicMs() + START_AGAIN_EVERY_MS >= deadlineMs) {
          this.#reportDeath(`the server did not come back: ${printable(error.message)}`);
          throw error;
        }
        await sleep(START_AGAIN_EVERY_MS);
      }
    }
  }

  async #launch(deadlineMs: number, signal = new AbortController().signal): Promise<void> {
    const { command, endpoints, isOnDevice } = this.#plan;
    const env = { [DATA_FOLDER]: this.#dataPath, ...command.env };
    const launched = new LaunchedServer({ ...command, env }, this.#log);
    this.#launched = launched;
    const waiting = new AbortController();
    const how = await Promise.race([
      launched.ended,
      waitUntilListening(endpoints, deadlineMs, AbortSignal.any([signal, waiting.signal])),
    ]);
    waiting.abort();
    if (signal.aborted) return;
    const problem =
      typeof how === 'string'
        ? `ended before it took a connection (${how})`
        : how.length > 0
          ? `did not listen at ${how.map(formatAddress).join(', ')} within ${formatQuantity('duration', command.readyWithinMs)}`
          : isOnDevice
            ? unreachable(endpoints)
            : undefined;
    if (problem !== undefined) {
      await launched.kill();
      this.#launched = undefined;
      throw this.#failed(problem);
    }
    this.#watch(launched);
  }

  #watch(launched: LaunchedServer): void {
    launched.ended.then((how) => {
      if (this.#launched !== launched) return;
      const [lastLine] = this.#log.lastLines(1);
      const said = lastLine === undefined ? '' : `; its last line: ${printable(lastLine)}`;
      this.#reportDeath(`the server ended (${how})${said}`);
    });
  }

  #failed(problem: string): CommandServerError {
    const lines = this.#log.lastLines(LINES_SHOWN).map((line) => `  ${printable(line)}`);
    const output =
      lines.length === 0
        ? 'It said nothing.'
        : `What it said last (all of it is in ${this.#log.path}):\n${lines.join('\n')}`;
    return new CommandServerError(
      `target.command: ${printable(this.#plan.command.run.join(' '))} ${problem}. ${output}`,
    );
  }
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
