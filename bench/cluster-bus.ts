import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { Command } from 'commander';
import type { BusCommand, BusFigures, BusProcessOptions } from './cluster-bus-process.js';
import { builtBenchEntry } from './entries.js';

/**
 * What a message between two processes costs: through the bus of a cluster, over a nats-server, and through the bus of one
 * machine. A flood in one direction, in batches of several sizes; CPU is that of the processes, in which other work on
 * the machine is not counted. Then the time of one message and its answer, with nothing else under way.
 */
interface Options {
  batches: string;
  size: number;
  seconds: number;
  rounds: number;
}

interface Row {
  messagesPerSecond: number;
  messagesPerCoreSecond: number;
  microsecondsAMessage: number;
  natsMicroseconds: number;
  repeated: number;
}

await new Command('bench:cluster-bus')
  .option('--batches <sizes>', 'messages of an event-loop turn', '1,10,100')
  .option('--size <n>', 'bytes of a payload', Number, 100)
  .option('--seconds <n>', 'of each flood', Number, 3)
  .option('--rounds <n>', 'messages there and back', Number, 2000)
  .action(measureAll)
  .parseAsync();

async function measureAll({ batches, size, seconds, rounds }: Options): Promise<void> {
  const load = loadavg().map((each) => each.toFixed(2));
  console.log(`${availableParallelism()} cores, load average ${load.join(' ')}, payloads of ${size} B`);
  const folder = mkdtempSync(join(tmpdir(), 'c2m-cluster-bus-'));
  const nats = await startNats();
  try {
    for (const bus of ['unix', 'cluster'] as const) {
      console.log(bus === 'unix' ? '\nUnix sockets' : '\nover a nats-server');
      const options = { bus, natsPort: nats.port, folder, payloadBytes: size };
      const [sender, receiver] = await Promise.all([
        start({ ...options, self: 0 }),
        start({ ...options, self: 1 }),
      ]);
      try {
        for (const batch of batches.split(',').map(Number))
          print(batch, await measure(sender, receiver, batch, seconds, nats.pid));
        const { roundTripP50Ms = 0, roundTripP99Ms = 0 } = await ask(sender, { rounds });
        console.log(
          `  there and back: p50 ${roundTripP50Ms.toFixed(3)} ms, p99 ${roundTripP99Ms.toFixed(3)} ms`,
        );
      } finally {
        sender.kill();
        receiver.kill();
      }
    }
  } finally {
    nats.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  sender: ChildProcess,
  receiver: ChildProcess,
  batch: number,
  seconds: number,
  natsPid: number,
): Promise<Row> {
  sender.send({ flood: batch } satisfies BusCommand);
  await sleep(1000);
  const look = async () => {
    const [sending, receiving] = await Promise.all([ask(sender, 'figures'), ask(receiver, 'figures')]);
    const cpuSeconds = sending.cpuSeconds + receiving.cpuSeconds;
    return { at: performance.now(), cpuSeconds, nats: cpuOf(natsPid), ...pick(sending, receiving) };
  };
  const before = await look();
  await sleep(seconds * 1000);
  const after = await look();
  sender.send('stop' satisfies BusCommand);
  // What is under way belongs to this flood, and not to the next one.
  await sleep(500);
  const messages = after.messages - before.messages;
  const cpu = after.cpuSeconds - before.cpuSeconds;
  return {
    messagesPerSecond: (messages / (after.at - before.at)) * 1000,
    messagesPerCoreSecond: messages / cpu,
    microsecondsAMessage: (cpu / messages) * 1e6,
    natsMicroseconds: ((after.nats - before.nats) / messages) * 1e6,
    repeated: after.repeated - before.repeated,
  };
}

function pick(sending: BusFigures, receiving: BusFigures): Pick<BusFigures, 'messages' | 'repeated'> {
  return { messages: receiving.messages, repeated: sending.repeated };
}

function print(batch: number, row: Row): void {
  const rates = `${Math.round(row.messagesPerSecond)}/s, ${Math.round(row.messagesPerCoreSecond)} a core-second`;
  const costs = `${row.microsecondsAMessage.toFixed(2)} µs of CPU a message at both ends`;
  const ofNats = row.natsMicroseconds > 0 ? `, ${row.natsMicroseconds.toFixed(2)} of the nats-server` : '';
  const again = row.repeated > 0 ? `, ${row.repeated} batches sent again` : '';
  console.log(`  batches of ${String(batch).padStart(3)}: ${rates}, ${costs}${ofNats}${again}`);
}

async function start(options: BusProcessOptions): Promise<ChildProcess> {
  const script = builtBenchEntry('clusterBus');
  const child = fork(script, [JSON.stringify(options)]);
  await once(child, 'message');
  return child;
}

async function ask(child: ChildProcess, command: BusCommand): Promise<BusFigures> {
  child.send(command);
  const [figures] = await once(child, 'message');
  return figures as BusFigures;
}

async function startNats(): Promise<{ port: number; pid: number; kill(): void }> {
  const listener = createServer();
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as { port: number };
  listener.close();
  const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  const connection = await connect({
    servers: `127.0.0.1:${port}`,
    waitOnFirstConnect: true,
    reconnectTimeWait: 50,
    maxReconnectAttempts: 200,
  });
  await connection.close();
  return { port, pid: child.pid as number, kill: () => child.kill() };
}

/** User and system time of a process, from /proc/PID/stat, whose ticks are 100 a second on Linux. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
