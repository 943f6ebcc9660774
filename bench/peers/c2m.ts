import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtEntry } from '../../entries.js';
import { readRunRecord, readTimeline } from '../../record/folder.js';
import { stagesOf } from '../../reports/stages.js';
import { commandLine } from '../process-tree.js';
import { startChild } from './child.js';
import type { Count } from './cost.js';
import { PROTOCOLS, type Subject } from './subject.js';
import { IDLE_SECONDS, type Run, type Tool } from './tool.js';
import { Watch } from './watch.js';
import { talkSeconds, type Workload } from './workload.js';

const COMMAND = builtEntry('command');
/** Exit status of a run that was measured and did not hold its gates. */
const GATE_FAILED = 99;
/** For the start of a server, the rest of the messages, and the report. */
const SLACK_SECONDS = 120;

/** This lab, with one agent. Its CPU and memory are those of the agent and of the process that steers it. */
export const C2M: Tool = {
  name: 'c2m',
  speaks: Object.keys(PROTOCOLS),
  counts:
    'every message by its content (lost, twice, out of order, changed), when it was accepted and how late it came, from ' +
    'when it was due; every client sends and receives',
  run,
};

async function run(
  _protocol: string,
  subject: Subject,
  workload: Workload,
  purpose: 'talk' | 'idle',
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-drivers-'));
  const file = join(folder, 'drivers.yaml');
  const out = join(folder, 'record');
  await writeFile(file, scenario(subject, workload, purpose));
  const child = startChild(process.execPath, [COMMAND, 'run', file, '--trust', '--out', out]);
  // A server that the lab starts for the run is below it, and is no part of the generator.
  const watch = new Watch({
    root: child.pid,
    port: subject.port,
    clients: workload.clients,
    purpose,
    isGenerator: (pid) => pid === child.pid || commandLine(pid).includes('/loadgen/agent/'),
  });
  try {
    const startedMs = Date.now() - performance.now();
    const longestMs =
      1000 * (workload.clients / workload.connectsPerSecond + talkSeconds(workload) + SLACK_SECONDS);
    // Unreferenced: a run that has ended does not keep the bench waiting.
    const status = await Promise.race([child.ended, sleep(longestMs, 'too long', { ref: false })]);
    // What a server lost is printed, and is no reason not to measure.
    if (status !== 0 && status !== GATE_FAILED) throw new Error(`c2m run: ${status}: ${child.output()}`);
    const record = await readRunRecord(out);
    const timeline = await readTimeline(out);
    const began = Date.parse(record.startedAt) - startedMs;
    let arrived = 0;
    const ledger = timeline.map(({ t, messages }): Count => {
      arrived += messages.delivered;
      return { atMs: began + t * 1000, arrived };
    });
    const talk = stagesOf(record, timeline).find(({ name }) => name === 'talk');
    const perAgentCore = talk && Math.round(talk.messagesPerSecond / talk.generatorCores);
    return {
      samples: watch.samples,
      counts: subject.counter?.counts ?? ledger,
      says:
        `${perAgentCore?.toLocaleString('en')} messages a core-second of the agent alone, p99 ${record.latency.delivered.p99} ms, ` +
        `lost ${record.messages.lost}`,
      clientBytes: record.memory.bytesPerConnection.client,
    };
  } finally {
    watch.stop();
    await child.end();
    await rm(folder, { recursive: true, force: true });
  }
}

function scenario(subject: Subject, workload: Workload, purpose: 'talk' | 'idle'): string {
  const { clients, rate, messageBytes, connectsPerSecond } = workload;
  const seconds = purpose === 'talk' ? talkSeconds(workload) : IDLE_SECONDS;
  return `name: drivers
target: ${subject.target}
clients: { count: ${clients}, connectRate: ${connectsPerSecond}/s, heartbeat: 60s }
messages: { size: ${messageBytes}B }
phases: [{ name: talk, duration: ${seconds}s, rate: ${rate}/s }]
generator: { agents: 1, lagLimit: 10s }
`;
}
