import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { type MEDIA_LIMITS, MediaLoad, type MediaSettings } from '../../loadgen/media/media-load.js';
import { monotonicMs } from '../../loadgen/monotonic-clock.js';
import { LatencyRecorder } from '../../loadgen/recording/latency-recorder.js';
import type { Measurement } from '../../record/run.js';
import { afterEachTest } from './clean-up.js';

/** A media port that does what a test wants, and a load on it. Both end after the test. */

export const LINK = '{"link":"http://192.0.2.7:80/media/abc?key=1"}';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;
export type MediaFigures = NonNullable<Measurement['media']>;

const closing: (() => void)[] = [];
afterEachTest('servers', () => {
  for (const close of closing.splice(0)) close();
});

export async function listen(answer: Answer): Promise<{ url: string; server: Server }> {
  const server = createServer(answer);
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Takes every upload; downloads are answered by `answer`. */
export async function listenForDownloads(answer: Answer): Promise<string> {
  const { url } = await listen((request, response) => {
    if (request.method === 'GET') return answer(request, response);
    request.resume();
    request.on('end', () => response.end(LINK));
  });
  return url;
}

export const SETTINGS: MediaSettings = {
  uploadRate: 0,
  downloadRate: 0,
  bytes: 4096,
  connections: 10,
  arrival: 'constant',
  seed: 7,
};

export interface PreparedLoad {
  load: MediaLoad;
  /** What run.json would say now. */
  figures(): MediaFigures;
}

export async function prepareLoad(
  url: string,
  settings: Partial<MediaSettings>,
  limits?: typeof MEDIA_LIMITS,
): Promise<PreparedLoad> {
  const load = await MediaLoad.prepare(url, { ...SETTINGS, ...settings }, 1, 'sesame', limits);
  closing.push(() => load.cut());
  const recorder = new LatencyRecorder(() => undefined, Date.now());
  const figures = () => {
    recorder.add([{ latency: { talk: load.take() } }], 0, 1);
    return load.summary(recorder);
  };
  return { load, figures };
}

/** Lets requests fall due for `seconds`, until `due` of them have, and drains. */
export async function runThrough(
  { load, figures }: PreparedLoad,
  seconds: number,
  due: number,
  askForMs: number,
): Promise<MediaFigures> {
  load.start(monotonicMs(), seconds * 1000);
  const dueByNow = () => (figures().uploads.due ?? 0) + (figures().downloads.due ?? 0);
  await expect.poll(dueByNow, { timeout: 20_000 }).toBe(due);
  await load.drain(askForMs);
  return figures();
}

/** What is asked and neither answered nor failed nor told as unsent; zero once a run has ended. */
export function untold({ due, count, failed, unsent }: MediaFigures['uploads']): number {
  return (due ?? Number.NaN) - count - failed - (unsent ?? Number.NaN);
}
