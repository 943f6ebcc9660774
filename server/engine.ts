import { randomUUID } from 'node:crypto';
import { InProcessBus } from './bus/bus.js';
import type { ListenAddress, ServerConfig } from './config.js';
import type { Certificate } from './gateway/certificate.js';
import { connectionLimit } from './gateway/connection-limit.js';
import { SingleHome } from './home/worker-homes.js';
import type { HandlerFiles, StagedHandlers } from './hot-code/handler-files.js';
import { HotCode } from './hot-code/hot-code.js';
import { startWorkers } from './processes/supervisor.js';
import { type RunningWorker, Worker } from './processes/worker.js';
import type { WorkerSetListener } from './processes/worker-set-listener.js';
import { newCounters } from './queues/counters.js';
import { SAMPLE_INTERVAL_MS } from './queues/queue-monitor.js';

/** What runs the workers: this process, or a set of forked ones. */
export interface Engine {
  addresses: ListenAddress[];
  /** Rejects when the server cannot go on. */
  failed: Promise<never>;
  /** Puts handlers into force everywhere, or nowhere. @throws Error saying why not */
  reload(staged: StagedHandlers): Promise<void>;
  /** Whether `reload` would put them into force; nothing changes. @throws Error saying why not */
  tryOut(staged: StagedHandlers): Promise<void>;
  drain(): Promise<void>;
}

/**
 * One worker runs in this process, unless it is to be started again when it dies; several run in processes of their own.
 * @param files with a version in force
 * @param folder for what the processes share while they live
 */
export async function startEngine(
  config: ServerConfig,
  certificate: Certificate | undefined,
  files: HandlerFiles,
  folder: string,
  listener: WorkerSetListener,
): Promise<Engine> {
  // Here rather than in each worker: their open-file limit is this one's, and whoever configured it is told at once.
  connectionLimit(config.limits.connectionsPerWorker);
  if (config.workers > 1 || config.supervised)
    return startWorkers(config, certificate, files, folder, listener);
  return runInProcess(config, certificate, files, folder, listener);
}

async function runInProcess(
  config: ServerConfig,
  certificate: Certificate | undefined,
  files: HandlerFiles,
  folder: string,
  listener: WorkerSetListener,
): Promise<Engine> {
  const code = await HotCode.start(files.inForce);
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  // Whoever waits for it hears of it; here it must not count as unhandled.
  failed.catch(() => undefined);
  const worker = await openWorker(config, code, folder, listener, fail);
  code.onFailed = ({ version, reason }) => listener.faulty(version, reason);
  const reporting = setInterval(() => listener.report(worker.report()), SAMPLE_INTERVAL_MS);
  const drain = async () => {
    clearInterval(reporting);
    await worker.drain();
    await worker.close();
  };
  const reload = async (staged: StagedHandlers) => {
    await code.load(staged.file);
    code.activate(staged.isReturn);
    files.accept(staged);
  };
  const tryOut = async (staged: StagedHandlers) => {
    await code.load(staged.file);
    code.discard();
  };
  try {
    const addresses = await worker.listen(certificate);
    listener.report(worker.report());
    return { addresses, failed, reload, tryOut, drain };
  } catch (error) {
    await drain();
    throw error;
  }
}

/** The only one of its server. */
async function openWorker(
  config: ServerConfig,
  code: HotCode,
  folder: string,
  listener: WorkerSetListener,
  fail: (error: Error) => void,
): Promise<RunningWorker> {
  const parts = {
    code,
    worker: 0,
    restarts: 0,
    connectionLimit: connectionLimit(config.limits.connectionsPerWorker),
  };
  const { cluster } = config;
  if (cluster) {
    const { ClusterWorker } = await import('./cluster/cluster-worker.js');
    const log = (line: string) => listener.said(0, line);
    const instance = randomUUID();
    return ClusterWorker.start({
      ...parts,
      config: { ...config, cluster },
      instance,
      folder,
      log,
      nameTaken: fail,
    });
  }
  const bus = new InProcessBus();
  const counters = newCounters();
  const worker = new Worker({
    ...parts,
    config,
    homes: await SingleHome.open(config, bus, counters),
    counters,
    bus,
  });
  worker.connected();
  return worker;
}
