import type { ListenAddress, ServerConfigInput } from '../config.js';
import { type RunningServer, startServer } from '../server.js';

/** The entry of a server in a process of its own; see spawn.ts. */

export type ToServer = { kind: 'start'; config: ServerConfigInput } | { kind: 'stop' };
export type FromServer =
  | { kind: 'listening'; addresses: ListenAddress[]; adminUrl: string | null; mediaUrl: string | null }
  | { kind: 'failed'; message: string };

let server: RunningServer | undefined;

function tell(message: FromServer): void {
  // Without a callback, a parent that dies meanwhile would be an error that nobody handles.
  if (process.connected) process.send?.(message, () => undefined);
}

function fail(error: Error): void {
  tell({ kind: 'failed', message: error.message });
  // Exiting at once would lose the message that is on its way.
  process.disconnect?.();
  process.exitCode = 1;
  setImmediate(() => process.exit(1));
}

async function obey(message: ToServer): Promise<void> {
  if (message.kind === 'start') {
    server = await startServer(message.config);
    server.failed.catch(fail);
    server.left.then(() => obey({ kind: 'stop' })).catch(fail);
    const { addresses, adminUrl, mediaUrl } = server;
    tell({ kind: 'listening', addresses, adminUrl, mediaUrl });
  } else {
    await server?.close();
    process.exit(0);
  }
}

process.on('message', (message: ToServer) => {
  obey(message).catch(fail);
});
// The one who started us is gone, perhaps killed: nobody else would end this process.
process.on('disconnect', () => {
  if (process.exitCode === undefined) process.exit(1);
});
// A terminal's Ctrl-C reaches the whole process group; whoever started us decides what it means.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => {
  obey({ kind: 'stop' }).catch(fail);
});
