import type { ServerConfigInput } from '../server/config.js';

/**
 * Settings of the reference server, each of them with a default: `docs/server.md`. `listen` is a list of addresses such as
 * `tcp://127.0.0.1:4000`, with port 0 for a free one; `store` is `lmdb` (on disk) or `memory`.
 */
export type ServerConfig = ServerConfigInput;

/** A reference server that listens. */
export interface RunningServer {
  /** What it listens on, with the ports that the system chose: `tcp://127.0.0.1:41234`. */
  readonly addresses: readonly string[];
  /** Of its admin port, with `/healthz`, `/metrics` and `/stats`; null: `admin` was null. */
  readonly adminUrl: string | null;
  /** Of its media port; null: `media` was null. */
  readonly mediaUrl: string | null;
  /** Rejects when it cannot go on, such as when its workers die again and again. Nobody has to listen. */
  readonly failed: Promise<never>;
  /**
   * Loads the handlers anew while clients stay connected.
   * @returns the version in force
   * @throws {@link C2mError} with the code `C2M_RELOAD`: the version before stays
   */
  reload(): Promise<string>;
  /** Takes no more connections, sends what is gathered, says goodbye, and ends within `limits.drainTimeoutMs`. */
  close(): Promise<void>;
}

/**
 * Starts the reference server. With one worker it runs in this process, unless `supervised` says otherwise; more have
 * processes of their own. It writes its log to standard error (`logLevel: 'silent'`: none) and, with `store: 'lmdb'`, which is
 * the default, its mailboxes to `c2m-data` in the current folder.
 *
 * @param config - a test wants `{ listen: ['tcp://127.0.0.1:0'], store: 'memory', admin: null, logLevel: 'silent' }`
 * @throws {@link C2mError} with the codes `C2M_SERVER_CONFIG`, `C2M_STORE`, `C2M_MISSING_PART`; or the system's error where
 * an address cannot be had
 */
export async function startServer(config: ServerConfig = {}): Promise<RunningServer> {
  const [{ startServer: start }, { formatAddress }] = await Promise.all([
    import('../server/server.js'),
    import('../protocol/address.js'),
  ]);
  const { addresses, adminUrl, mediaUrl, failed, reload, close } = await start(config);
  failed.catch(() => undefined);
  return { addresses: addresses.map(formatAddress), adminUrl, mediaUrl, failed, reload, close };
}
