import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../record/input-error.js';
import type { Family } from './family.js';
import { contentTypeOf, formatFor, type PageFormat, prometheusPage } from './prometheus-page.js';

export interface MetricsServer {
  /** Of the page. */
  url: string;
  close(): Promise<void>;
}

/** Those who scrape ask in a moment and are few. */
const MAX_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 5000;
/** A run has something new every second. */
const FRESH_MS = 250;

const LOOPBACK_NAMES = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Serves `/metrics` of a run that goes on. On loopback it answers to names of loopback alone: a page in somebody's browser
 * could otherwise read it under a name of its own that leads here.
 * @throws InputError where the port cannot be had
 */
export async function startMetricsServer(
  address: { host: string; port: number; isLoopback: boolean },
  families: () => readonly Family[],
): Promise<MetricsServer> {
  const timeouts = { headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS };
  const pages = freshPages(families);
  const server = createServer(timeouts, (request, response) => {
    if (address.isLoopback && !LOOPBACK_NAMES.test(request.headers.host ?? ''))
      return answer(response, 403, 'only for this machine\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'only GET\n');
    if (request.url?.split('?')[0] !== '/metrics') return answer(response, 404, 'try /metrics\n');
    pages.of(formatFor(request.headers.accept)).then(
      ({ type, text }) => answer(response, 200, text, type),
      (error: Error) => answer(response, 500, `${error.message}\n`),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(inputError(error, address)));
    server.listen(address.port, address.host, resolve);
  });
  // The run decides when this process ends.
  server.unref();
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return {
    url: `http://${host}:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Pages by their format, each made once for all who ask at the same time: many of them must not cost the run its cores. */
function freshPages(families: () => readonly Family[]) {
  const made = new Map<PageFormat, { atMs: number; page: Promise<Page> }>();
  return {
    of: (format: PageFormat): Promise<Page> => {
      const known = made.get(format);
      if (known && performance.now() - known.atMs < FRESH_MS) return known.page;
      const page = pageOf(families, format);
      made.set(format, { atMs: performance.now(), page });
      return page;
    },
  };
}

interface Page {
  type: string;
  text: string;
}

/** Rejects where the families cannot be told: that is an answer, and no end of the run. */
async function pageOf(families: () => readonly Family[], format: PageFormat): Promise<Page> {
  return { type: contentTypeOf(format), text: await prometheusPage(families(), format) };
}

function answer(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function inputError(
  { code, message }: NodeJS.ErrnoException,
  { host, port }: { host: string; port: number },
) {
  if (code === 'EADDRINUSE')
    return new InputError(
      `--metrics: port ${port} of ${host} is taken; give another one, or 0 for any that is free`,
    );
  return new InputError(`--metrics: nobody can listen on port ${port} of ${host}: ${message}`);
}
