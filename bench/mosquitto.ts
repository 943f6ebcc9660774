import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../lab/cluster/free-ports.js';

export interface Broker {
  port: number;
  pid: number;
  close(): Promise<void>;
}

/** Undefined where mosquitto is not installed. */
export function findMosquitto(): string | undefined {
  return ['mosquitto', '/usr/sbin/mosquitto'].find((path) => spawnSync(path, ['-h']).error === undefined);
}

/**
 * Starts a broker on a free port of loopback, with sessions on disk as its package sets them up: it writes them every
 * half hour and when it ends, so a message that it has acknowledged does not survive kill -9.
 * @param settings further lines of its configuration
 */
export async function startMosquitto(path: string, settings: string[] = []): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), 'c2m-mosquitto-'));
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(
    config,
    [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence true',
      `persistence_location ${folder}/`,
      'max_queued_messages 0',
      'set_tcp_nodelay true',
      'log_type error',
      'user root',
      ...settings,
      '',
    ].join('\n'),
  );
  const child = spawn(path, ['-c', config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await sleep(500);
  return {
    port,
    pid: child.pid as number,
    close: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
