import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtEntry } from '../entries.js';
import { readRunRecord, readTimeline } from '../record/folder.js';
import type { RunRecord } from '../record/run.js';
import { stagesOf } from '../reports/stages.js';

/** The same scenario over one of the transports. */
export interface TransportCost {
  connectsPerSecond: number;
  /** Of server and agent together, since the kernel's part of each is counted where the work happens to be done. */
  messagesPerCoreSecond: number;
  acceptedP50Ms: number;
  acceptedP99Ms: number;
  clientBytes: number;
  ledger: Pick<RunRecord['messages'], 'sent' | 'delivered' | 'lost' | 'duplicated' | 'outOfOrder'>;
}

const SCENARIO = `
name: transports
target: embedded
clients: { count: 10000, connectRate: 20000/s, heartbeat: 60s, connectTimeout: 30s }
messages: { size: 100B }
phases: [{ name: talk, duration: 10s, rate: 5000/s }]
`;

export async function measureTransport(transport: 'sockets' | 'packets'): Promise<TransportCost> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-bench-'));
  try {
    const file = join(folder, 'transports.yaml');
    const out = join(folder, 'record');
    await writeFile(file, SCENARIO);
    const command = builtEntry('command');
    const overrides = ['--set', `generator.transport=${transport}`];
    await promisify(execFile)(process.execPath, [command, 'run', file, ...overrides, '--out', out]);
    const record = await readRunRecord(out);
    const talk = stagesOf(record, await readTimeline(out)).find(({ name }) => name === 'talk');
    if (!talk) throw new Error(`the run over ${transport} has no phase to measure`);
    const { sent, delivered, lost, duplicated, outOfOrder } = record.messages;
    return {
      connectsPerSecond: record.connections.connectsPerSecond,
      messagesPerCoreSecond: talk.messagesPerSecond / ((talk.serverCores ?? 0) + talk.generatorCores),
      acceptedP50Ms: record.latency.accepted.p50 ?? Number.NaN,
      acceptedP99Ms: record.latency.accepted.p99 ?? Number.NaN,
      clientBytes: record.memory.bytesPerConnection.client ?? Number.NaN,
      ledger: { sent, delivered, lost, duplicated, outOfOrder },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
