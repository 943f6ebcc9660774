import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { MEDIA_LIMITS, MediaLoad } from '../../../loadgen/media/media-load.js';
import { monotonicMs } from '../../../loadgen/monotonic-clock.js';
import { startWrongServer } from '../../fixtures/wrong-server.js';
import {
  LINK,
  listen,
  listenForDownloads,
  prepareLoad,
  runThrough,
  SETTINGS,
  untold,
} from '../../support/media-load.js';
import { testRun, testScenario } from '../../support/run.js';

const silent = () => undefined;

describe('before the run', () => {
  test('neither files nor the token go where the media port redirects to', async () => {
    let isReached = false;
    const elsewhere = await listen((_, response) => {
      isReached = true;
      response.end('{}');
    });
    const { url } = await listen((request, response) => {
      request.resume();
      response.writeHead(307, { location: `${elsewhere.url}${request.url}` }).end();
    });
    await expect(MediaLoad.prepare(url, SETTINGS, 1, 'sesame')).rejects.toMatchObject({
      code: 'C2M_RUN',
      message: expect.stringContaining('correct target.media'),
    });
    expect(isReached).toBe(false);
  });

  test.each([
    '',
    'nonsense',
    'null',
    '{}',
    '{"link":7}',
    '{"link":"not a url"}',
    '{"link":"http://x/","thumbnail":{}}',
  ])('an upload that is answered with %j is told as no media port of ours', async (answer) => {
    const { url } = await listen((request, response) => {
      request.resume();
      response.end(answer);
    });
    await expect(MediaLoad.prepare(url, SETTINGS, 1, 'sesame')).rejects.toThrow(
      'does not answer as a media port of c2m; correct target.media',
    );
  });

  test('a media port that takes connections and says nothing is told', async () => {
    const { url } = await listen(silent);
    const limits = { ...MEDIA_LIMITS, timeoutMs: 50 };
    await expect(MediaLoad.prepare(url, SETTINGS, 1, 'sesame', limits)).rejects.toThrow(
      /does not answer \(.*\); correct target.media/,
    );
  });
});

describe('what is asked', () => {
  test('links that name another host are fetched from the media port of the scenario', async () => {
    const asked: string[] = [];
    const url = await listenForDownloads((request, response) => {
      asked.push(`${request.headers.host}${request.url}`);
      response.end('content');
    });
    const load = await prepareLoad(url, { downloadRate: 50 });
    const { downloads } = await runThrough(load, 0.1, 5, 1000);
    expect(new Set(asked)).toEqual(new Set([`${new URL(url).host}/media/abc?key=1`]));
    expect(downloads).toMatchObject({ count: 5, bytes: 5 * 'content'.length });
  });

  test('every upload is another file of the size asked for, named by its content', async () => {
    const names = new Set<string>();
    const { url } = await listen(async (request, response) => {
      const content = Buffer.concat(await request.toArray());
      const name = `/media/${createHash('sha256').update(content).digest('hex')}`;
      if (request.url === name && content.length === SETTINGS.bytes) names.add(name);
      response.end(LINK);
    });
    const load = await prepareLoad(url, { uploadRate: 100 });
    const { uploads } = await runThrough(load, 0.4, 40, 5000);
    expect(uploads).toMatchObject({ due: 40, count: 40, bytes: 40 * SETTINGS.bytes, failed: 0, unsent: 0 });
    expect(names.size).toBe(load.load.attachments.length + 40);
  });

  test('no more connections are opened than the scenario says, and those are kept', async () => {
    const sockets = new Set<Socket>();
    const url = await listenForDownloads(({ socket }, response) => {
      sockets.add(socket);
      setTimeout(() => response.end(), 20);
    });
    const load = await prepareLoad(url, { downloadRate: 400, connections: 3 });
    const { downloads } = await runThrough(load, 0.5, 200, 10_000);
    expect(downloads).toMatchObject({ count: 200, failed: 0 });
    expect(sockets.size).toBe(3);
  });

  test('what falls due follows from the seed, each kind by itself, whatever the server does', async () => {
    const settings = { uploadRate: 100, downloadRate: 100, arrival: 'poisson' as const };
    const due = async (url: string, seed: number) => {
      const { load, figures } = await prepareLoad(url, { ...settings, seed });
      // All of it fell due before now.
      load.start(monotonicMs() - 20_000, 20_000);
      load.cut();
      return [figures().uploads.due, figures().downloads.due];
    };
    const quick = await listenForDownloads((_, response) => response.end());
    const slow = await listenForDownloads(silent);
    const [uploads, downloads] = await due(quick, 1);
    expect(await due(slow, 1)).toEqual([uploads, downloads]);
    expect(uploads).not.toBe(downloads);
    expect(await due(quick, 2)).not.toEqual([uploads, downloads]);
    for (const each of [uploads, downloads]) expect(Math.abs(Number(each) - 2000)).toBeLessThan(5 * 45);
  });
});

describe('100 downloads a second of a server that serves 66', () => {
  const SERVICE_MS = 1000 / 66;
  /** Serves one after the other, each in its time, and makes up for timers that come late. */
  const listenAtRate = () => {
    let idleFromMs = 0;
    return listenForDownloads((_, response) => {
      const now = monotonicMs();
      idleFromMs = Math.max(idleFromMs, now) + SERVICE_MS;
      setTimeout(() => response.end('content'), idleFromMs - now);
    });
  };

  test('all are asked, and each waits as long as the queue before it', async () => {
    const load = await prepareLoad(await listenAtRate(), { downloadRate: 100 });
    const { downloads } = await runThrough(load, 3, 300, 20_000);
    expect(downloads).toMatchObject({ due: 300, count: 300, failed: 0, unsent: 0 });
    expect(downloads.latency.count).toBe(300);
    // Request n is due after 10 n ms and answered after 15.15 n.
    const waitMs = (n: number) => n * (SERVICE_MS - 10);
    for (const [percentile, n] of [
      [downloads.latency.p50, 150],
      [downloads.latency.p99, 297],
      [downloads.latency.max, 300],
    ] as const) {
      expect(percentile).toBeGreaterThan(0.95 * waitMs(n));
      expect(percentile).toBeLessThan(1.15 * waitMs(n) + 200);
    }
    // The server was late, not the generator.
    expect(downloads.lagMs.p50).toBeLessThan(waitMs(150) / 10);
  });

  test('what still waits when the run ends is told as unsent', async () => {
    const load = await prepareLoad(await listenAtRate(), { downloadRate: 100 });
    const { downloads } = await runThrough(load, 2, 200, 0);
    expect(untold(downloads)).toBe(0);
    expect(downloads).toMatchObject({ failed: 0 });
    expect(downloads.count + Number(downloads.unsent)).toBe(200);
    expect(downloads.unsent).toBeGreaterThan(30);
    expect(downloads.latency.count).toBe(downloads.count);
  });
});

describe('a server that does not serve', () => {
  test('a stall shows in all that fell due meanwhile', async () => {
    const STALL_MS = 1500;
    let asked = 0;
    let stalled: ServerResponse[] | undefined;
    const url = await listenForDownloads((_, response) => {
      asked += 1;
      if (asked === 100) {
        stalled = [];
        setTimeout(() => {
          for (const each of stalled ?? []) each.end();
          stalled = undefined;
        }, STALL_MS);
      }
      if (stalled) stalled.push(response);
      else response.end();
    });
    const load = await prepareLoad(url, { downloadRate: 200 });
    const { downloads } = await runThrough(load, 4, 800, 10_000);
    expect(downloads).toMatchObject({ due: 800, count: 800, failed: 0, unsent: 0 });
    // 300 of the 800 fell due in the stall, evenly: the longest wait is the stall, and the median small.
    expect(downloads.latency.max).toBeGreaterThan(STALL_MS - 20);
    expect(downloads.latency.p99).toBeGreaterThan(STALL_MS - 100);
    expect(downloads.latency.p90).toBeGreaterThan(STALL_MS / 2);
    expect(downloads.latency.p50).toBeLessThan(STALL_MS / 2);
  });

  test('refused requests have failed, exactly, and do not make the server look quick', async () => {
    let asked = 0;
    const url = await listenForDownloads((_, response) => {
      asked += 1;
      if (asked % 3 > 0) setTimeout(() => response.end(), 30);
      else response.writeHead(503).end('not now');
    });
    const load = await prepareLoad(url, { downloadRate: 300 });
    const { downloads } = await runThrough(load, 0.3, 90, 10_000);
    expect(downloads).toMatchObject({ due: 90, count: 60, bytes: 0, failed: 30, unsent: 0 });
    expect(downloads.latency.count).toBe(60);
    expect(downloads.latency.min).toBeGreaterThan(28);
  });

  test('an upload that is refused before its end fails, and the next has a connection', async () => {
    let isRefusing = false;
    const { url } = await listen((request, response) => {
      // The body is not read: most of it is never sent.
      if (isRefusing) response.writeHead(507).end();
      else request.resume().on('end', () => response.end(LINK));
    });
    const load = await prepareLoad(url, { uploadRate: 20, bytes: 8 * 2 ** 20, connections: 1 });
    isRefusing = true;
    const { uploads } = await runThrough(load, 0.5, 10, 10_000);
    expect(uploads).toMatchObject({ due: 10, count: 0, failed: 10, unsent: 0 });
  });

  test('connections that break have failed, and are opened anew', async () => {
    let asked = 0;
    const url = await listenForDownloads(({ socket }, response) => {
      asked += 1;
      if (asked % 4 > 0) response.end('content');
      else if (asked % 8 > 0) socket.destroy();
      else response.write('con', () => socket.destroy());
    });
    const load = await prepareLoad(url, { downloadRate: 200, connections: 2 });
    const { downloads } = await runThrough(load, 0.2, 40, 10_000);
    expect(downloads).toMatchObject({ due: 40, count: 30, failed: 10, unsent: 0 });
  });

  test('one that never answers: what timed out took at least as long as that, and its wait before', async () => {
    const url = await listenForDownloads(silent);
    const limits = { ...MEDIA_LIMITS, timeoutMs: 200 };
    const load = await prepareLoad(url, { downloadRate: 100, connections: 5 }, limits);
    const { downloads } = await runThrough(load, 0.5, 50, 20_000);
    expect(downloads).toMatchObject({ due: 50, count: 0, failed: 50, unsent: 0 });
    expect(downloads.latency.count).toBe(50);
    expect(downloads.latency.min).toBeGreaterThanOrEqual(199);
    // Five every 200 ms: the last five are asked after 1800, and were due just before 500.
    expect(downloads.latency.max).toBeGreaterThan(1450);
  });

  test('what falls due beyond those that may wait is unsent', async () => {
    const url = await listenForDownloads(silent);
    const limits = { timeoutMs: 60_000, mostWaiting: 10 };
    const { load, figures } = await prepareLoad(url, { downloadRate: 200, connections: 4 }, limits);
    load.start(monotonicMs(), 500);
    await expect.poll(() => figures().downloads.due).toBe(100);
    expect(figures().downloads).toMatchObject({ unsent: 100 - 4 - 10, count: 0, failed: 0 });
    load.cut();
    expect(figures().downloads).toMatchObject({ due: 100, count: 0, failed: 4, unsent: 96 });
  });
});

describe('an end in the middle', () => {
  test('is at once, and tells what became of everything that was due', async () => {
    const sockets = new Set<Socket>();
    const url = await listenForDownloads(({ socket }) => {
      sockets.add(socket);
    });
    const { load, figures } = await prepareLoad(url, { downloadRate: 100, connections: 3 });
    load.start(monotonicMs(), 60_000);
    await expect.poll(() => figures().downloads.due).toBeGreaterThan(10);
    load.cut();
    const { downloads } = figures();
    expect(downloads).toMatchObject({ count: 0, failed: 3 });
    expect(untold(downloads)).toBe(0);
    // What was broken off took at least until then.
    expect(downloads.latency.count).toBe(3);
    await expect.poll(() => [...sockets].every(({ destroyed }) => destroyed)).toBe(true);
    expect(figures().downloads).toEqual(downloads);
  });

  test('a run that is interrupted does not wait for a media port that never answers', async () => {
    const url = await listenForDownloads(silent);
    const server = await startWrongServer({});
    const scenario = testScenario(({ messages, phases }) => {
      messages.size = { kind: 'fixed', bytes: 2048 };
      for (const phase of phases) phase.durationMs = 60_000;
    });
    scenario.media = { uploadRate: 0, downloadRate: 100, bytes: 4096, connections: 2 };
    const run = await testRun(scenario, server.address, null, null, url);
    let interruptedMs = 0;
    let samples = 0;
    run.on('sample', ({ phase }) => {
      samples += phase === 'talk' ? 1 : 0;
      if (samples !== 2) return;
      interruptedMs = monotonicMs();
      run.interrupt();
    });
    const { media, isPartial, notes } = await run.measurement;
    expect(isPartial).toBe(true);
    expect(monotonicMs() - interruptedMs).toBeLessThan(8000);
    expect(media?.downloads).toMatchObject({ count: 0, failed: 2 });
    expect(media?.downloads.due).toBeGreaterThan(50);
    expect(untold(media!.downloads)).toBe(0);
    expect(notes.join()).toContain('downloads that fell due were never asked');
    await server.close();
  });
});
