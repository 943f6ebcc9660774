import { fork } from 'node:child_process';
import { tmpdir } from 'node:os';
import { builtEntry, inheritedFlags } from '../../entries.js';
import type { ListenAddress, ServerConfigInput } from '../config.js';
import type { FromServer, ToServer } from './server-process.js';

export interface SpawnedServer {
  addresses: ListenAddress[];
  adminUrl: string | null;
  mediaUrl: string | null;
  pid: number;
  /** Resolves when the process has ended; says why if that was not asked for. */
  exited: Promise<string | undefined>;
  close(): Promise<void>;
}

/**
 * The young generation of the heap grows to 48 MB by default, once in every worker: more than thousands of idle
 * connections need. Workers take these flags over from the process that forks them.
 */
const NODE_FLAGS = ['--max-semi-space-size=4', '--expose-gc'];

/** A server that could not be started; the message is the server's own. */
export class SpawnError extends Error {
  readonly code = 'C2M_SERVER_START';
}

/**
 * Starts the server in a process of its own, which ends with this one.
 * @param temporaryFolder where it puts what it would remove at its end, and cannot if it is killed
 * @throws SpawnError with the reason that the process gave
 */
export async function spawnServer(
  config: ServerConfigInput,
  temporaryFolder = tmpdir(),
): Promise<SpawnedServer> {
  const child = fork(builtEntry('server'), [], {
    serialization: 'advanced',
    env: { ...process.env, TMPDIR: temporaryFolder },
    execArgv: [...inheritedFlags(), ...NODE_FLAGS],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const tell = (message: ToServer) => child.connected && child.send(message, () => undefined);
  let isClosing = false;
  let reason: string | undefined;
  const exited = new Promise<string | undefined>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(isClosing ? undefined : (reason ?? `the server process ended (${signal ?? `exit ${code}`})`));
    });
  });
  const started = new Promise<Extract<FromServer, { kind: 'listening' }>>((resolve, reject) => {
    child.on('message', (message: FromServer) => {
      if (message.kind === 'listening') resolve(message);
      else reason = message.message;
    });
    child.once('error', reject);
    exited.then((why) => reject(new SpawnError(why ?? 'the server was stopped')));
  });
  tell({ kind: 'start', config });
  const { addresses, adminUrl, mediaUrl } = await started;
  return {
    addresses,
    adminUrl,
    mediaUrl,
    pid: child.pid as number,
    exited,
    close: async () => {
      isClosing = true;
      tell({ kind: 'stop' });
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await exited;
      clearTimeout(timer);
    },
  };
}
