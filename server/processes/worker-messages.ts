import type { ListenAddress, ServerConfig } from '../config.js';
import type { Certificate } from '../gateway/certificate.js';
import type { WorkerReport } from './worker.js';

/** What the supervisor tells a worker process, in this order; `reconnect` whenever it is so. */
export type ToWorker =
  | {
      kind: 'start';
      worker: number;
      /** How often this worker was started before; its connections are numbered apart from those of then. */
      restarts: number;
      /** One word for each start of the server. */
      instance: string;
      /** Milliseconds between reports. */
      reportMs: number;
      config: ServerConfig;
      certificate: Certificate | undefined;
      busFolder: string;
      /** File with the handlers in force. */
      handlers: string;
    }
  /** Every worker's bus listens: connect to the others, then accept clients, on `addresses` if it had some before. */
  | { kind: 'connect'; addresses: ListenAddress[] | undefined }
  /** That worker was started again, and its bus listens. */
  | { kind: 'reconnect'; worker: number }
  /** Whether other workers of the same port have room for connections: at first they have. */
  | { kind: 'others'; haveRoom: boolean }
  /** Prepare handlers from this file; nothing changes yet. */
  | { kind: 'load'; handlers: string }
  /** Put what was prepared into force, or forget it. */
  | { kind: 'activate'; isReturn: boolean }
  | { kind: 'discard' }
  /** The folder of the bus was cleared: listen there anew, and say when the bus is ready. */
  | { kind: 'rebind' }
  | { kind: 'drain' }
  /** Every worker has drained: only now may the bus be taken from the others. */
  | { kind: 'exit' };

/** What a worker process answers. */
export type FromWorker =
  /** It listens to the supervisor: what was sent earlier would have been lost. */
  | { kind: 'up' }
  | { kind: 'bus-ready' }
  | { kind: 'listening'; addresses: ListenAddress[] }
  /** Null: they can go into force; else why not. */
  | { kind: 'loaded'; problem: string | null }
  | { kind: 'activated' }
  | { kind: 'drained' }
  /** The handlers of this version fail again and again. */
  | { kind: 'faulty'; version: string; reason: string }
  /** Whether it has room for connections; at first it has. */
  | { kind: 'room'; hasRoom: boolean }
  /** For the log. */
  | { kind: 'said'; line: string }
  | { kind: 'report'; report: WorkerReport }
  /** `code`: of the error, where it has one. */
  | { kind: 'failed'; message: string; code: string | undefined };
