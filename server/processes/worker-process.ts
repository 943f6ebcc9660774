import { Topology } from '../bus/topology.js';
import { UnixBus } from '../bus/unix-bus.js';
import { connectionLimit } from '../gateway/connection-limit.js';
import { SingleHome } from '../home/worker-homes.js';
import { HotCode } from '../hot-code/hot-code.js';
import { newCounters } from '../queues/counters.js';
import { type RunningWorker, Worker } from './worker.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** The entry of a worker process: one Worker, told by the supervisor what to do, gone when that is gone. */

let worker: RunningWorker | undefined;
/** The same where it stands alone, among the workers of one machine. */
let alone: Worker | undefined;
let bus: UnixBus | undefined;
let code: HotCode | undefined;
let start: Extract<ToWorker, { kind: 'start' }> | undefined;

function tell(message: FromWorker): void {
  // Without a callback, a parent that dies meanwhile would be an error that nobody handles.
  if (process.connected) process.send?.(message, () => undefined);
}

function fail(error: Error): void {
  tell({ kind: 'failed', message: error.message, code: (error as { code?: string }).code });
  process.exit(1);
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'start':
      start = message;
      await prepare(message);
      tell({ kind: 'bus-ready' });
      break;
    case 'connect': {
      await bus?.connect();
      alone?.connected();
      const addresses = isHomeOnly() ? [] : await worker?.listen(start?.certificate, message.addresses);
      // Once before anyone connects: what the worker held then is what connections are measured against.
      report();
      tell({ kind: 'listening', addresses: addresses ?? [] });
      setInterval(report, start?.reportMs);
      break;
    }
    case 'reconnect':
      if (await bus?.reconnect(message.worker)) alone?.reconnected(message.worker);
      break;
    case 'others':
      worker?.othersHaveRoom(message.haveRoom);
      break;
    case 'load':
      tell({ kind: 'loaded', problem: await load(message.handlers) });
      break;
    case 'activate':
      code?.activate(message.isReturn);
      tell({ kind: 'activated' });
      break;
    case 'discard':
      code?.discard();
      break;
    case 'rebind':
      await bus?.listen();
      tell({ kind: 'bus-ready' });
      break;
    case 'drain':
      await worker?.drain();
      tell({ kind: 'drained' });
      break;
    case 'exit':
      await worker?.close();
      process.exit(0);
  }
}

async function load(file: string): Promise<string | null> {
  try {
    await code?.load(file);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function report(): void {
  if (worker) tell({ kind: 'report', report: worker.report() });
}

async function prepare(plan: Extract<ToWorker, { kind: 'start' }>): Promise<void> {
  const { config, worker: self, busFolder: folder, restarts } = plan;
  const topology = new Topology(config);
  code = await HotCode.start(plan.handlers);
  code.onFailed = ({ version, reason }) => tell({ kind: 'faulty', version, reason });
  const parts = {
    connectionLimit: connectionLimit(config.limits.connectionsPerWorker),
    code,
    worker: self,
    restarts,
    room: (hasRoom: boolean) => tell({ kind: 'room', hasRoom }),
  };
  const { cluster } = config;
  if (cluster) {
    // NATS is loaded where it is used.
    const { ClusterWorker } = await import('../cluster/cluster-worker.js');
    const log = (line: string) => tell({ kind: 'said', line });
    worker = await ClusterWorker.start({
      ...parts,
      config: { ...config, cluster },
      worker: self,
      instance: plan.instance,
      folder,
      log,
      nameTaken: fail,
    });
    return;
  }
  bus = new UnixBus({ self, topology, folder });
  const counters = newCounters();
  const homes = await SingleHome.open(config, bus, counters);
  alone = new Worker({ ...parts, config, homes, counters, bus });
  worker = alone;
  await bus.listen();
}

/** With homes of their own, the processes behind the workers keep mailboxes and take no connections. */
function isHomeOnly(): boolean {
  return start !== undefined && !new Topology(start.config).isWorker(start.worker);
}

process.on('message', (message: ToWorker) => {
  obey(message).catch(fail);
});
process.on('uncaughtException', fail);
process.on('disconnect', () => process.exit(1));
// A terminal's Ctrl-C reaches the whole process group; the supervisor decides what it means.
process.on('SIGINT', () => undefined);
tell({ kind: 'up' });
