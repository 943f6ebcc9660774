import { createRequire } from 'node:module';
import { pino } from 'pino';
import { type Admin, startAdmin } from './admin.js';
import { InProcessBus } from './bus.js';
import { type Certificate, loadCertificate } from './certificate.js';
import {
  type ListenAddress,
  parseServerConfig,
  type ServerConfig,
  type ServerConfigInput,
} from './config.js';
import { connectionLimit } from './connection-limit.js';
import { openStore } from './open-store.js';
import { SAMPLE_INTERVAL_MS } from './queue-monitor.js';
import { ServerState } from './server-state.js';
import { takeStoreFolder } from './store-folder.js';
import { startWorkers, type WorkerSetListener } from './supervisor.js';
import { Worker, type WorkerReport } from './worker.js';

export interface RunningServer {
  /** What it listens on, with the ports that the kernel chose. */
  addresses: ListenAddress[];
  /** `http://127.0.0.1:9464`, or null where no admin port was wanted. */
  adminUrl: string | null;
  /** Rejects when the server cannot go on, such as when its workers die again and again. */
  failed: Promise<never>;
  /** Stops accepting, sends what is gathered and GOODBYE, and ends within `limits.drainTimeoutMs`. */
  close(): Promise<void>;
}

/** What runs the workers: this process, or a set of forked ones. */
interface Engine {
  addresses: ListenAddress[];
  failed: Promise<never>;
  drain(): Promise<void>;
}

/**
 * Starts the reference server: one worker runs in this process, several run in processes of their own.
 * @throws ConfigError, or the system's error where an address cannot be had
 */
export async function startServer(input: ServerConfigInput): Promise<RunningServer> {
  const config = parseServerConfig(input);
  const log = pino(
    { level: config.logLevel, base: { name: 'c2m' } },
    pino.destination({ dest: 2, sync: true }),
  );
  const needsCertificate = config.listen.some(({ protocol }) => protocol === 'tls' || protocol === 'wss');
  const certificate = needsCertificate ? await loadCertificate(config.tls) : undefined;
  const state = new ServerState(packageVersion(), config.store, config.workers + config.homes, config.thresholds, log);
  const homes = config.homes > 0 ? config.homes : config.workers;
  const storeFolder = config.store === 'lmdb' ? await takeStoreFolder(config.lmdb.folder, homes) : undefined;
  const engine = await startEngine(config, certificate, {
    report: (report) => state.take(report),
    restarted: (worker, reason) => {
      log.warn({ worker }, `${reason}; it was started again`);
      state.restarted(worker, reason);
    },
  }).catch((error) => {
    storeFolder?.release();
    throw error;
  });
  const sampling = setInterval(() => state.sample(), SAMPLE_INTERVAL_MS);
  let admin: Admin | undefined;
  try {
    if (config.admin) admin = await startAdmin(config.admin, state);
  } catch (error) {
    clearInterval(sampling);
    await engine.drain();
    storeFolder?.release();
    throw error;
  }
  log.info({ addresses: engine.addresses, admin: admin?.url, workers: config.workers }, 'listening');
  let closing: Promise<void> | undefined;
  return {
    addresses: engine.addresses,
    adminUrl: admin?.url ?? null,
    failed: engine.failed,
    close: () => {
      closing ??= (async () => {
        log.info('draining');
        await engine.drain();
        clearInterval(sampling);
        await admin?.close();
        storeFolder?.release();
        log.info('stopped');
      })();
      return closing;
    },
  };
}

function startEngine(
  config: ServerConfig,
  certificate: Certificate | undefined,
  listener: WorkerSetListener,
): Promise<Engine> {
  if (config.workers > 1) return startWorkers(config, certificate, listener);
  return runInProcess(config, certificate, listener.report);
}

async function runInProcess(
  config: ServerConfig,
  certificate: Certificate | undefined,
  onReport: (report: WorkerReport) => void,
): Promise<Engine> {
  const limit = connectionLimit(config.limits.connectionsPerWorker);
  const store = await openStore(config, { first: 0, count: 1 }, 0);
  const worker = new Worker(config, limit, store, (receive) => new InProcessBus(receive));
  const reporting = setInterval(() => onReport(worker.report()), SAMPLE_INTERVAL_MS);
  const drain = async () => {
    clearInterval(reporting);
    await worker.drain();
    await worker.close();
  };
  try {
    worker.connected();
    const addresses = await worker.listen(certificate);
    onReport(worker.report());
    return { addresses, failed: new Promise<never>(() => undefined), drain };
  } catch (error) {
    await drain();
    throw error;
  }
}

function packageVersion(): string {
  return (createRequire(import.meta.url)('#package') as { version: string }).version;
}
