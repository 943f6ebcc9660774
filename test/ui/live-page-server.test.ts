import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { PageChange } from '../../reports/live/page-change.js';
import { writeRecord } from '../../reports/write.js';
import { type LivePageServer, type ShownRun, serveLivePage } from '../../ui/live-page-server.js';
import { recordFixture, writeRecordFolder } from '../fixtures/record.js';

const { record, samples } = recordFixture();
const servers: LivePageServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

/** A page, and a client of it that reads its changes. */
async function started(): Promise<{
  server: LivePageServer;
  run: ShownRun;
  follow: Follow;
  load: () => Promise<number>;
}> {
  const server = await serveLivePage(0, 'ann@box');
  servers.push(server);
  const run = server.begin({
    folder: 'runs/x',
    scenario: 'offline-backlog',
    description: '',
    clients: 5000,
    phases: [{ name: 'talk', seconds: 12 }],
    words: null,
  });
  const url = new URL(server.address);
  const cookie = `c2m-page=${url.searchParams.get('token')}`;
  const follow: Follow = async (after, headers = {}) => {
    const call = httpGet({
      host: url.hostname,
      port: url.port,
      path: `${url.pathname}changes?after=${after}`,
      headers: { cookie, ...headers },
    });
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    return new Client(response);
  };
  const load = async (): Promise<number> => {
    const page = await fetch(new URL(url.pathname, url), { headers: { cookie } });
    return Number(/"version":(\d+)/.exec(await page.text())?.[1]);
  };
  return { server, run, follow, load };
}

type Follow = (after: number, headers?: Record<string, string>) => Promise<Client>;

class Client {
  text = '';
  readonly ended: Promise<void>;
  readonly response: IncomingMessage;

  constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    this.ended = new Promise((resolve) => {
      response.on('close', resolve).on('error', () => undefined);
    });
  }

  get events(): { id: number; name: string; change: PageChange }[] {
    return [...this.text.matchAll(/^id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n/gm)].map(
      ([, id, name, data]) => ({
        id: Number(id),
        name: name as string,
        change: JSON.parse(data as string) as PageChange,
      }),
    );
  }
}

describe('the page of a run', () => {
  test('is told of what is new, numbered, and comes back where it was', async () => {
    const { run, follow } = await started();
    const client = await follow(0);
    for (const sample of samples.slice(0, 5)) run.sample(sample);
    run.record({ ...record, durationSeconds: 5 });
    run.phase({ name: 'talk', durationMs: 12_000 });
    await expect.poll(() => client.events.flatMap(({ change }) => change.charts).length).toBeGreaterThan(5);
    const { id } = client.events.at(-1) as { id: number };
    client.response.destroy();

    for (const sample of samples.slice(5, 9)) run.sample(sample);
    run.finished(undefined);
    const back = await follow(0, { 'last-event-id': String(id) });
    await expect.poll(() => back.events.length).toBeGreaterThan(0);
    expect(back.events[0]?.id).toBe(id + 1);
    expect(back.events[0]?.change.isWhole).toBe(false);
    const stranger = await follow(99_999);
    await expect.poll(() => stranger.events[0]?.change.isWhole).toBe(true);
  });

  test('is handed the report when the run is over, told where its file is, and let go', async () => {
    const fixture = recordFixture();
    const folder = await writeRecordFolder(fixture);
    const written = await writeRecord(folder, fixture.record);
    const { server, run, follow } = await started();
    const client = await follow(0);
    run.finished(written.run);
    await server.close();
    await client.ended;
    expect(client.events.map(({ name }) => name)).toEqual(['change', 'over']);
    expect(client.events[0]?.change.title).toMatch(/^Passed: /);
    expect(client.events[1]?.change).toMatchObject({ heading: 'The run is over' });
    expect(JSON.stringify(client.events[1])).toContain('runs/x/report.html');
  });

  test('that was still loading when the run ended is handed the report as well', async () => {
    const fixture = recordFixture();
    const written = await writeRecord(await writeRecordFolder(fixture), fixture.record);
    const { server, run, follow, load } = await started();
    const version = await load();
    run.finished(written.run);
    const closed = server.close();
    const client = await follow(version);
    await closed;
    await client.ended;
    expect(client.events.map(({ name }) => name)).toEqual(['change', 'over']);
    expect(client.events[0]?.change.title).toMatch(/^Passed: /);
  });

  test('is drawn no more often than it may be, however often it is loaded', async () => {
    const { run, load } = await started();
    run.record({ ...record, durationSeconds: 5 });
    const frames = new Set<number>();
    const beganMs = performance.now();
    for (const sample of [...samples, ...samples]) {
      run.sample(sample);
      for (const version of await Promise.all([load(), load(), load()])) frames.add(version);
    }
    const tookMs = performance.now() - beganMs;
    expect(frames.size).toBeLessThanOrEqual(1 + Math.floor(tookMs / 500));
  });

  test('that was loaded with the last frame is told of the newest as soon as it may be drawn', async () => {
    const { run, load, follow } = await started();
    // A whole report: its drawing takes long enough that the next has to wait for seconds.
    for (const sample of samples.slice(1)) run.sample(sample);
    run.record({ ...record, durationSeconds: 5 });
    const first = await load();
    run.sample(samples[0] as (typeof samples)[number]);
    run.record({ ...record, durationSeconds: 6 });
    expect(await load()).toBe(first);
    const client = await follow(first);
    await expect.poll(() => client.events[0]?.id, { timeout: 35_000 }).toBe(first + 1);
    expect(client.events[0]?.change.isWhole).toBe(false);
  });

  test('is that of the next run of a series, and nothing of the one before stays', async () => {
    const fixture = recordFixture();
    const folder = await writeRecordFolder(fixture);
    const { server, run, follow } = await started();
    const client = await follow(0);
    run.finished((await writeRecord(folder, fixture.record)).run);
    const plan = {
      folder: 'runs/y',
      scenario: 'lunch',
      description: '',
      clients: 1,
      phases: [],
      words: 'run 2 of 2',
    };
    server.begin(plan);
    await expect.poll(() => client.events.at(-1)?.change.title).toBe('Starting: lunch');
    const next = client.events.at(-1);
    expect(next?.change.parts['live-phase']).toBe('lunch, run 2 of 2: starting');
    expect(next?.change.gone).toContain('connections');
    expect(next?.change.parts['chart-connections']).toBe('');
  });

  test('is shown to so many at a time, and to the next it says so', async () => {
    const { follow } = await started();
    const clients: Client[] = [];
    for (let each = 0; each < 16; each += 1) clients.push(await follow(0));
    expect(clients.every(({ response }) => response.statusCode === 200)).toBe(true);
    const one = await follow(0);
    expect(one.response.statusCode).toBe(503);
    clients[0]?.response.destroy();
    await expect.poll(async () => (await follow(0)).response.statusCode).toBe(200);
  });

  test('has a port of its own, and says so where it is taken', async () => {
    const { server } = await started();
    const { port } = new URL(server.address);
    await expect(serveLivePage(Number(port), 'ann@box')).rejects.toThrow(
      `port ${port} of 127.0.0.1 cannot be had for the page (EADDRINUSE)`,
    );
  });
});
