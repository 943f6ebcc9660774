import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
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
  const script = createRequire(import.meta.url).resolve('#dist/bench/coordinator-agents.js');
  const simulation = spawn(process.execPath, [script, JSON.stringify(told)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const writer = new RecordWriter(folder);
  const usage: { t: number; bytesHeard: number; cpuSeconds: number; privateBytes: number }[] = [];
  let bytesHeard = 0;
  let lines: Interface | undefined;
  try {
    const whole = new Promise<void>((resolve, reject) => {
      const recorder = recorderOf(agents, startMs, writer, (line) => {
        usage.push({ t: line.t, bytesHeard, ...readProcessUsage() });
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
      simulation.once('exit', (code) => reject(new Error(`the simulation ended with ${code}`)));
      setInterval(() => {
        for (const channel of channels) channel.tick();
      }, TICK_MS).unref();
    });
    await whole;
    report(usage, { agents, hosts, messages, seconds });
  } finally {
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

function report(
  usage: readonly { t: number; bytesHeard: number; cpuSeconds: number; privateBytes: number }[],
  { agents, hosts, messages, seconds }: Options,
): void {
  const warm = usage.slice(Math.floor(usage.length * WARM_UP));
  const [first, last] = [warm[0], warm.at(-1)];
  if (!first || !last) throw new Error('nothing was measured');
  const elapsed = last.t - first.t;
  const cores = (last.cpuSeconds - first.cpuSeconds) / elapsed;
  const points: Point[] = warm.map(({ t, privateBytes }) => ({ x: t / 60, y: privateBytes }));
  const slope = robustSlope(points);
  const mark = (isMet: boolean): string => (isMet ? chalk.green('✔') : chalk.red('✘'));
  const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  console.log(
    `${agents} agents on ${hosts} machines, a sample a second each of ${messages} messages, ${seconds} s`,
  );
  console.log(`  ${mark(cores <= MOST_CORES)} ${cores.toFixed(3)} CPU seconds a second`);
  const peak = Math.max(...usage.map(({ privateBytes }) => privateBytes));
  console.log(
    `  ${mark(slope !== null && slope <= MOST_BYTES_A_MINUTE)} private memory ${mebibytes(first.privateBytes)} -> ` +
      `${mebibytes(last.privateBytes)}, ${slope === null ? 'too short to tell how it grows' : `${mebibytes(slope)} a minute`}, ` +
      `at most ${mebibytes(peak)}`,
  );
  const bytes = (last.bytesHeard - first.bytesHeard) / elapsed;
  console.log(
    `    ${mebibytes(bytes)} a second from the agents, ${(bytes / agents / 1024).toFixed(1)} KiB a sample`,
  );
}
