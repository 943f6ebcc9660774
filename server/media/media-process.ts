import { pino } from 'pino';
import type { MediaStats } from '../../protocol/stats.js';
import type { ServerConfig } from '../config.js';
import { type RunningMedia, startMedia } from './media-server.js';

/** The entry of the process that keeps media: uploads and thumbnails take nothing from the messages. */

export type ToMedia = { kind: 'start'; config: ServerConfig } | { kind: 'stop' };
export type FromMedia =
  /** It reads its folder, which may take minutes. */
  | { kind: 'starting' }
  | { kind: 'listening'; port: number }
  | { kind: 'stats'; stats: MediaStats }
  | { kind: 'failed'; message: string };

/** The parent takes a process that is silent for many of these for one that hangs. */
const STATS_EVERY_MS = 500;

let media: RunningMedia | undefined;

function tell(message: FromMedia): void {
  // Without a callback, a parent that dies meanwhile would be an error that nobody handles.
  if (process.connected) process.send?.(message, () => undefined);
}

async function obey(message: ToMedia): Promise<void> {
  if (message.kind === 'stop') {
    await media?.close();
    process.exit(0);
  }
  const { config } = message;
  if (!config.media) throw new Error('there are no media in this configuration');
  const log = pino({ level: config.logLevel, base: { name: 'c2m media' } }, pino.destination(2));
  const starting = setInterval(() => tell({ kind: 'starting' }), STATS_EVERY_MS);
  const running = await startMedia(config.media, config, log).finally(() => clearInterval(starting));
  media = running;
  tell({ kind: 'listening', port: running.port });
  setInterval(() => tell({ kind: 'stats', stats: running.stats() }), STATS_EVERY_MS);
}

process.on('message', (message: ToMedia) => {
  obey(message).catch((error: Error) => {
    tell({ kind: 'failed', message: error.message });
    process.exitCode = 1;
    setImmediate(() => process.exit(1));
  });
});
process.on('disconnect', () => process.exit(1));
// A terminal's Ctrl-C reaches the whole process group; the server decides what it means.
process.on('SIGINT', () => undefined);
