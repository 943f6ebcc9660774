import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { readRunRecord, readTimeline } from '../record/folder.js';
import { stagesOf } from '../reports/stages.js';
import { findMosquitto, startMosquitto } from './mosquitto.js';

/**
 * What a driver costs the generator: CPU for a message, against a server of its protocol and with one agent, and memory
 * for a client that is idle.
 */
interface Peer {
  /** Of the scenario: `target`, in YAML. */
  target: string;
  /** Of the rate, where its server takes no more of it. */
  rateShare?: number;
  close(): Promise<void>;
}

/** A driver, and a server that speaks its protocol. */
const DRIVERS: Record<string, () => Promise<Peer>> = {
  c2m: async () => ({
    target: '{ embedded: { store: memory, workers: 1 } }',
    close: async () => undefined,
  }),
  mqtt: () => mosquitto('{ qos: 1 }'),
  'mqtt-qos0': () => mosquitto('{ qos: 0 }'),
  'mqtt-qos2': async () => ({ ...(await mosquitto('{ version: 5, qos: 2 }')), rateShare: 0.25 }),
};

/** Exit status of a run that was measured and did not hold its gates. */
const GATE_FAILED = 99;

const COMMAND = createRequire(import.meta.url).resolve('#dist/cli/c2m.js');

await new Command('bench:drivers')
  .argument('[drivers...]', `of ${Object.keys(DRIVERS).join(', ')}`, ['mqtt'])
  .option('--clients <n>', 'who talk', Number, 1000)
  .option('--rate <n>', 'messages a second', Number, 12_000)
  .option('--seconds <n>', 'that they talk', Number, 5)
  .option('--idle-clients <n>', 'whose memory is measured', Number, 15_000)
  .action(async (names: string[], options: Options) => {
    for (const name of names) {
      const start = DRIVERS[name];
      if (!start) throw new Error(`${name} is none; write one of ${Object.keys(DRIVERS).join(', ')}`);
      console.log(`${name}: ${await costOf(start, options)}`);
    }
  })
  .parseAsync();

interface Options {
  clients: number;
  rate: number;
  seconds: number;
  idleClients: number;
}

async function costOf(start: () => Promise<Peer>, options: Options): Promise<string> {
  const { clients, rate, seconds, idleClients } = options;
  const talk = await measure(start, clients, rate, seconds);
  const idle = await measure(start, idleClients, idleClients / 100, seconds);
  return [
    `${Math.round(talk.messagesPerCoreSecond).toLocaleString('en')} messages an agent core-second`,
    `(${clients.toLocaleString('en')} clients, ${Math.round(talk.messagesPerSecond).toLocaleString('en')}/s,`,
    `p99 ${talk.p99Ms} ms, lost ${talk.lost});`,
    `${idle.clientBytes} bytes a client of ${idleClients.toLocaleString('en')}`,
  ].join(' ');
}

async function measure(start: () => Promise<Peer>, clients: number, rate: number, seconds: number) {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-drivers-'));
  const peer = await start();
  const ownRate = rate * (peer.rateShare ?? 1);
  try {
    const file = join(folder, 'drivers.yaml');
    await writeFile(
      file,
      `name: drivers
target: ${peer.target}
clients: { count: ${clients}, connectRate: 3000/s, heartbeat: 60s }
messages: { size: 100B }
phases: [{ name: warm, duration: 2s, rate: ${ownRate}/s }, { name: talk, duration: ${seconds}s, rate: ${ownRate}/s }]
generator: { agents: 1, lagLimit: 10s }
`,
    );
    const out = join(folder, 'record');
    await promisify(execFile)(process.execPath, [COMMAND, 'run', file, '--out', out]).catch(
      (error: Error & { code?: number }) => {
        // What a server lost is printed, and is no reason not to measure.
        if (error.code !== GATE_FAILED) throw error;
      },
    );
    const record = await readRunRecord(out);
    const stage = stagesOf(record, await readTimeline(out)).find(({ name }) => name === 'talk');
    if (!stage) throw new Error('the run has no phase to measure');
    return {
      messagesPerSecond: stage.messagesPerSecond,
      messagesPerCoreSecond: stage.messagesPerSecond / stage.generatorCores,
      p99Ms: record.latency.delivered.p99,
      lost: record.messages.lost,
      clientBytes: record.memory.bytesPerConnection.client,
    };
  } finally {
    await peer.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function mosquitto(settings: string): Promise<Peer> {
  const path = findMosquitto();
  if (!path) throw new Error('mosquitto is not installed (Debian: apt-get install mosquitto)');
  const broker = await startMosquitto(path);
  return {
    target: `{ addresses: ['tcp://127.0.0.1:${broker.port}'], driver: { mqtt: ${settings} } }`,
    close: broker.close,
  };
}
