import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';
import { demandInstalled, demandPart } from '../native/native-part.js';
import { startAdmin } from './admin/admin.js';
import { ServerState } from './admin/server-state.js';
import type { NodeControl } from './cluster/control/node-control.js';
import {
  type ClusterConfig,
  type ListenAddress,
  parseServerConfig,
  type ServerConfig,
  type ServerConfigInput,
} from './config.js';
import { startEngine } from './engine.js';
import { loadCertificate } from './gateway/certificate.js';
import { HandlerFiles } from './hot-code/handler-files.js';
import { Reloading } from './hot-code/reloading.js';
import { MediaChild } from './media/media-child.js';
import { SAMPLE_INTERVAL_MS } from './queues/queue-monitor.js';
import { clearOwnerless, makeTemporaryFolder } from './temporary-folder.js';

export interface RunningServer {
  /** What it listens on, with the ports that the kernel chose. */
  addresses: ListenAddress[];
  /** `http://127.0.0.1:9464`, or null where no admin port was wanted. */
  adminUrl: string | null;
  /** `http://127.0.0.1:9465`, or null where no media are wanted. */
  mediaUrl: string | null;
  /** Rejects when the server cannot go on, such as when its workers die again and again. */
  failed: Promise<never>;
  /** Resolves when an operator has had this node of a cluster drained: it has no homes any more, and is to be closed. */
  left: Promise<void>;
  /** Loads the handlers anew. @returns the version in force @throws ReloadError: the version before stays */
  reload(): Promise<string>;
  /** Stops accepting, sends what is gathered and GOODBYE, and ends within `limits.drainTimeoutMs`. */
  close(): Promise<void>;
}

/** What has to be undone at the end, or where starting fails halfway. */
type Undo = (() => void | Promise<void>)[];

/**
 * Starts the reference server: one worker runs in this process unless it is `supervised`, several run in processes of their
 * own.
 * @throws ConfigError, StoreError, MissingPartError, or the system's error where an address cannot be had
 */
export async function startServer(input: ServerConfigInput): Promise<RunningServer> {
  const config = parseServerConfig(input);
  const log = pino(
    { level: config.logLevel, base: { name: 'c2m' } },
    pino.destination({ dest: 2, sync: true }),
  );
  const undo: Undo = [];
  try {
    return await start(config, log, undo);
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

async function start(config: ServerConfig, log: Logger, undo: Undo): Promise<RunningServer> {
  const needsCertificate = config.listen.some(({ protocol }) => protocol === 'tls' || protocol === 'wss');
  const certificate = needsCertificate ? await loadCertificate(config.tls) : undefined;
  if (config.store === 'jetstream') demandInstalled('lmdb');
  if (config.store === 'lmdb') {
    await demandPart('lmdb');
    // It imports LMDB, which a server without mailboxes on disk does not need.
    const { takeStoreFolder } = await import('./store/store-folder.js');
    const homes = config.homes > 0 ? config.homes : config.workers;
    const store = await takeStoreFolder(config.lmdb.folder, homes, (line) => log.warn(line));
    // Undone last, since it throws where the folder went away.
    undo.push(() => store.release());
  }
  const { cluster } = config;
  const control = cluster && (await connectControl(cluster, log));
  if (control) undo.push(() => control.close());
  await clearOwnerless();
  const { path: folder, remove } = await makeTemporaryFolder('c2m-server-');
  undo.push(remove);
  const files = new HandlerFiles(config.handlers, folder);
  const handlers = await files.stage();
  files.accept(handlers);
  const state = new ServerState(packageVersion(), config, handlers.version, log);
  let reloading: Reloading | undefined;
  const engine = await startEngine(config, certificate, files, folder, {
    report: (report) => state.take(report),
    said: (worker, line) => log.info({ worker }, line),
    ailing: (worker, problem) => state.ailing(worker, problem),
    died: (worker, reason) => state.died(worker, reason),
    restarted: (worker, reason) => {
      log.warn({ worker }, `${reason}; it was started again`);
      state.restarted(worker, reason);
    },
    faulty: (version, reason) => {
      reloading?.fallBack(version, reason).catch((error: Error) => log.error(error.message));
    },
  });
  undo.push(async () => {
    const isDrained = state.cluster?.isLeaving;
    await engine.drain();
    if (isDrained) await control?.forgetDrain();
  });
  const media = config.media ? await MediaChild.start(config, log) : undefined;
  if (media) {
    undo.push(() => media.close());
    state.media = media;
  }
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const sampling = setInterval(() => {
    state.sample();
    if (state.cluster?.hasLeft) leave();
  }, SAMPLE_INTERVAL_MS);
  undo.push(() => clearInterval(sampling));
  const loading = new Reloading(files, engine, state, log);
  reloading = loading;
  control?.serve({ stats: () => state.stats(), reloading: loading });
  const admin = config.admin ? await startAdmin(config.admin, state, () => loading.reload()) : undefined;
  if (admin) undo.push(() => admin.close());
  log.info({ addresses: engine.addresses, admin: admin?.url, workers: config.workers }, 'listening');
  let closing: Promise<void> | undefined;
  return {
    addresses: engine.addresses,
    adminUrl: admin?.url ?? null,
    mediaUrl: media?.url ?? null,
    failed: engine.failed,
    left,
    reload: () => loading.reload(),
    close: () => {
      log.info('draining');
      closing ??= undoAll(undo).then(() => log.info('stopped'));
      return closing;
    },
  };
}

/** NATS is loaded where it is used. */
async function connectControl(cluster: ClusterConfig, log: Logger): Promise<NodeControl> {
  const { NodeControl } = await import('./cluster/control/node-control.js');
  return NodeControl.connect(cluster, log);
}

/** The last thing first. */
async function undoAll(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

function packageVersion(): string {
  return (createRequire(import.meta.url)('#package') as { version: string }).version;
}
