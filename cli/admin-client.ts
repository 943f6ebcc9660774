import type { ServerStats } from '../protocol/stats.js';
import { InputError } from './exit-status.js';

const REQUEST_TIMEOUT_MS = 15_000;

/** What the admin port at `url` says of its server. @throws InputError where nothing of ours answers there */
export async function readStats(url: string): Promise<ServerStats> {
  const stats = (await ask(url, '/stats', 'GET')) as ServerStats;
  if (stats?.schema === 'c2m.stats/1') return stats;
  throw new InputError(`${url} does not answer as the admin port of a c2m server`);
}

/** Lets the server load its handlers anew. @throws InputError where nothing of ours answers there */
export async function reloadServer(url: string): Promise<{ version: string } | { error: string }> {
  return (await ask(url, '/reload', 'POST')) as { version: string } | { error: string };
}

async function ask(url: string, path: string, method: string): Promise<unknown> {
  if (!URL.canParse(url)) throw new InputError(`"${url}" is no URL; write http://127.0.0.1:9464`);
  try {
    const response = await fetch(new URL(path, url), {
      method,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    return await response.json();
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    throw new InputError(
      `the admin port ${url} does not answer (${cause?.message ?? message}); is the server running, with --admin?`,
    );
  }
}
