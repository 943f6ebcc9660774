import { connectionLimit } from './connection-limit.js';
import { SAMPLE_INTERVAL_MS } from './queue-monitor.js';
import { UnixBus } from './unix-bus.js';
import { Worker } from './worker.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** The entry of a worker process: one Worker, told by the supervisor what to do, gone when that is gone. */

let worker: Worker | undefined;
let bus: UnixBus | undefined;
let start: Extract<ToWorker, { kind: 'start' }> | undefined;

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

function fail(error: Error): void {
  tell({ kind: 'failed', message: error.message });
  process.exit(1);
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'start': {
      start = message;
      const { config, workers, busFolder } = message;
      worker = new Worker(config, connectionLimit(config.limits.connectionsPerWorker), (receive) => {
        bus = new UnixBus(message.worker, workers, busFolder, receive, fail);
        return bus;
      });
      await bus?.listen();
      tell({ kind: 'bus-ready' });
      break;
    }
    case 'connect': {
      await bus?.connect();
      const addresses = (await worker?.listen(start?.certificate)) ?? [];
      tell({ kind: 'listening', addresses });
      setInterval(() => {
        if (worker) tell({ kind: 'report', report: worker.report() });
      }, SAMPLE_INTERVAL_MS);
      break;
    }
    case 'drain':
      await worker?.drain();
      tell({ kind: 'drained' });
      break;
    case 'exit':
      await worker?.close();
      process.exit(0);
  }
}

process.on('message', (message: ToWorker) => {
  obey(message).catch(fail);
});
process.on('disconnect', () => process.exit(1));
// A terminal's Ctrl-C reaches the whole process group; the supervisor decides what it means.
process.on('SIGINT', () => undefined);
tell({ kind: 'up' });
