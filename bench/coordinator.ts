import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import chalk from 'chalk';
import { Command } from 'commander';
import { Channel } from '../loadgen/coordination/nats/channel.js';
import type { FromHost, ToHost } from '../loadgen/coordination/nats/messages.js';
import { monotonicMs } from '../loadgen/monotonic-clock.js';
import { readProcessUsage } from '../loadgen/process-usage.js';
import { readKernel } from '../loadgen/recording/kernel-sampler.js';
import { LatencyRecorder } from '../loadgen/recording/latency-recorder.js';
import { RecordWriter } from '../loadgen/recording/record-writer.js';
import { type Point, robustSlope } from '../loadgen/recording/robust-line.js';
import { TimelineRecorder } from '../loadgen/recording/timeline-recorder.js';
import type { TimelineSample } from '../record/timeline.js';
import type { Line, SimulatedAgents } from './coordinator-agents.js';
import { builtBenchEntry } from './entries.js';

/**
 * What it costs a coordinator to merge the samples of many agents: CPU, memory, bytes a second. The agents are simulated by
 * another process, and what they send goes through the channel, the recorders and the files of a real run; in place of NATS
 * there is a pipe.
 */

/** Half a core. */
const MOST_CORES = 0.5;
/** Flat: what a run of an hour adds is less than what the coordinator holds anyway. */
const MOST_BYTES_A_MINUTE = 1024 ** 2;
/** Before that code is not compiled yet, and the heap finds its size. */
const WARM_UP = 1 / 3;
const TICK_MS = 250;
/** For the other process to start, and to draw its first second. */
const LEAD_MS = 3000;

const MOST_LATE_MS = 20_000;

/** What is live is told after a collection; between two of them private memory goes up and down by half. */
const COLLECT_SECONDS = 3;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Of the coordinator, at the end of a second of the run. */
interface Usage {
  t: number;
  bytesHeard: number;
  cpuSeconds: number;
  privateBytes: number;
  /** Null: nothing was collected in that second. */
  liveBytes: number | null;
}

interface Options {
  agents: number;
  hosts: number;
  messages: number;
  seconds: number;
}

await new Command('bench:coordinator')
  .option('--agents <n>', 'agents', Number, 500)
  .option('--hosts <n>', 'machines that they are on, each with a channel', Number, 100)
  .option('--messages <n>', 'messages of an agent in a second', Number, 300)
  .option('--seconds <n>', 'of the run', Number, 60)
  .action(measure)
  .parseAsync();

async function measure({ agents, hosts, messages, seconds }: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-coordinator-'));
  const startMs = monotonicMs() + LEAD_MS;
  const told: SimulatedAgents = { agents, hosts, messages, startMs, seconds };
  const script = builtBenchEntry('coordinatorAgents');
  const simulation = spawn(process.execPath, [script, JSON.stringify(told)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const writer = new RecordWriter(folder);
  const usage: Usage[] = [];
  let bytesHeard = 0;
  let lines: Interface | undefined;
  let ticks: NodeJS.Timeout | undefined;
  try {
    const whole = new Promise<void>((resolve, reject) => {
      const recorder = recorderOf(agents, startMs, writer, (line) => {
        const isToCollect = usage.length % COLLECT_SECONDS === 0;
        if (isToCollect) collectGarbage();
        const { heapUsed, external } = process.memoryUsage();
        usage.push({
          t: line.t,
          bytesHeard,
          liveBytes: isToCollect ? heapUsed + external : null,
          ...readProcessUsage(),
        });
        if (line.messages.delivered !== agents * messages)
          reject(
            new Error(`second ${line.t} has ${line.messages.delivered} of ${agents * messages} messages`),
          );
        if (usage.length === seconds) resolve();
      });
      const channels = Array.from(
        { length: hosts },
        (_, host) =>
          new Channel<ToHost, FromHost>({
            publish: (packet) =>
              simulation.stdin.write(`${JSON.stringify([host, packet] satisfies Line<ToHost>)}\n`),
            deliver: (said) => {
              if (said.kind === 'agent' && said.message.kind === 'sample')
                recorder.take(said.agent, said.message.sample);
            },
            nowMs: monotonicMs,
          }),
      );
      lines = createInterface({ input: simulation.stdout }).on('line', (text) => {
        bytesHeard += text.length;
        const [host, packet] = JSON.parse(text) as Line<FromHost>;
        channels[host]?.take(packet);
      });
      const limitMs = LEAD_MS + seconds * 1000 + MOST_LATE_MS;
      const tooLate = new Error('the simulation does not keep up: this machine has no core to spare for it');
      setTimeout(() => reject(tooLate), limitMs).unref();
      simulation.once('exit', (code) => reject(new Error(`the simulation ended with ${code}`)));
      ticks = setInterval(() => {
        for (const channel of channels) channel.tick();
      }, TICK_MS);
    });
    await whole;
    report(usage, { agents, hosts, messages, seconds });
  } finally {
    clearInterval(ticks);
    lines?.close();
    simulation.kill('SIGKILL');
    writer.close();
    rmSync(folder, { recursive: true });
  }
}

/** As a run has it (loadgen/run.ts). */
function recorderOf(
  agents: number,
  startMs: number,
  writer: RecordWriter,
  emitted: (line: TimelineSample) => void,
): TimelineRecorder {
  const latency = new LatencyRecorder((text) => writer.latency(text), Date.now());
  return new TimelineRecorder(agents, startMs, {
    merge: (samples, startSeconds, endSeconds) => latency.add(samples, startSeconds, endSeconds),
    phaseAt: () => 'talk',
    server: () => null,
    serverMetrics: () => undefined,
    kernel: () => readKernel().sample,
    emit: (line) => {
      writer.sample(line);
      emitted(line);
    },
  });
}

function report(usage: readonly Usage[], { agents, hosts, messages, seconds }: Options): void {
  const warm = usage.slice(Math.floor(usage.length * WARM_UP));
  const [first, last] = [warm[0], warm.at(-1)];
  if (!first || !last) throw new Error('nothing was measured');
  const elapsed = last.t - first.t;
  const cores = (last.cpuSeconds - first.cpuSeconds) / elapsed;
  const live = warm.flatMap(({ t, liveBytes }): Point[] =>
    liveBytes === null ? [] : [{ x: t / 60, y: liveBytes }],
  );
  const slope = robustSlope(live);
  const mark = (isMet: boolean): string => (isMet ? chalk.green('✔') : chalk.red('✘'));
  const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  console.log(
    `${agents} agents on ${hosts} machines, a sample a second each of ${messages} messages, ${seconds} s`,
  );
  console.log(`  ${mark(cores <= MOST_CORES)} ${cores.toFixed(3)} CPU seconds a second`);
  console.log(
    `  ${mark(slope !== null && slope <= MOST_BYTES_A_MINUTE)} live memory ${mebibytes(live[0]?.y ?? 0)} -> ` +
      `${mebibytes(live.at(-1)?.y ?? 0)}, ${slope === null ? 'too short to tell how it grows' : `${mebibytes(slope)} a minute`}`,
  );
  const privateBytes = warm.map((each) => each.privateBytes);
  console.log(
    `    private memory ${mebibytes(Math.min(...privateBytes))} to ${mebibytes(Math.max(...privateBytes))}`,
  );
  const bytes = (last.bytesHeard - first.bytesHeard) / elapsed;
  console.log(
    `    ${mebibytes(bytes)} a second from the agents, ${(bytes / agents / 1024).toFixed(1)} KiB a sample`,
  );
}
