import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtEntry } from '../../entries.js';
import { readRunRecord } from '../../record/folder.js';
import { startChild } from '../peers/child.js';

const COMMAND = builtEntry('command');
const GATE_FAILED = 99;

export interface OpenWorkload {
  nodes: number;
  homes: number;
  perSecond: number;
  seconds: number;
}

export interface OpenFigures {
  /** From when a message was due to its first check mark, milliseconds. */
  acceptedP50Ms: number | null;
  acceptedP99Ms: number | null;
  lagP99Ms: number | null;
  sent: number;
  lost: number;
  /** What the run says of itself. */
  verdict: string;
}

/** A run of the lab: messages are due at times that are fixed in advance, so that waiting counts. Three replicas. */
export async function measureOpen({ nodes, homes, perSecond, seconds }: OpenWorkload): Promise<OpenFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-bench-open-'));
  const out = join(folder, 'record');
  const file = join(folder, 'open.yaml');
  try {
    await writeFile(
      file,
      `name: open
target: { embedded: { cluster: { nodes: ${nodes}, nats: 3, replicas: 3, homes: ${homes} } } }
clients: { count: 1000, connectRate: 1000/s, heartbeat: 60s }
messages: { size: 100B }
phases:
  - { name: warm, duration: 5s, rate: ${perSecond}/s }
  - { name: talk, duration: ${seconds}s, rate: ${perSecond}/s }
generator: { agents: 1, lagLimit: 10s }
`,
    );
    const child = startChild(process.execPath, [COMMAND, 'run', file, '--out', out]);
    const status = await child.ended;
    if (status !== 0 && status !== GATE_FAILED) throw new Error(`c2m run: ${status}: ${child.output()}`);
    const record = await readRunRecord(out);
    const talk = record.phases.find(({ name }) => name === 'talk');
    return {
      acceptedP50Ms: talk?.latency?.accepted.p50 ?? null,
      acceptedP99Ms: talk?.latency?.accepted.p99 ?? null,
      lagP99Ms: record.generator.lagMs.p99,
      sent: record.messages.sent,
      lost: record.messages.lost,
      verdict: record.verdict,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
