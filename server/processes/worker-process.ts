import { Topology } from '../bus/topology.js';
import { UnixBus } from '../bus/unix-bus.js';
import { connectionLimit } from '../gateway/connection-limit.js';
import { HotCode } from '../hot-code/hot-code.js';
import { openStore } from '../store/open-store.js';
import { Worker } from './worker.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** The entry of a worker process: one Worker, told by the supervisor what to do, gone when that is gone. */

let worker: Worker | undefined;
let bus: UnixBus | undefined;
let code: HotCode | undefined;
let start: Extract<ToWorker, { kind: 'start' }> | undefined;

function tell(message: FromWorker): void {
  // Without a callback, a parent that dies meanwhile would be an error that nobody handles.
  if (process.connected) process.send?.(message, () => undefined);
}

function fail(error: Error): void {
  tell({ kind: 'failed', message: error.message });
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
      worker?.connected();
      const addresses = isHomeOnly() ? [] : await worker?.listen(start?.certificate, message.addresses);
      // Once before anyone connects: what the worker held then is what connections are measured against.
      report();
      tell({ kind: 'listening', addresses: addresses ?? [] });
      setInterval(report, start?.reportMs);
      break;
    }
    case 'reconnect':
      if (await bus?.reconnect(message.worker)) worker?.reconnected(message.worker);
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
  const store = await openStore(config, topology.homes, self);
  bus = new UnixBus({ self, topology, folder });
  worker = new Worker({
    config,
    connectionLimit: connectionLimit(config.limits.connectionsPerWorker),
    store,
    code,
    bus,
    restarts,
    room: (hasRoom) => tell({ kind: 'room', hasRoom }),
  });
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
