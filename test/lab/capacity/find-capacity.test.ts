import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type CapacityOptions,
  type CapacityOutcome,
  findCapacity,
} from '../../../lab/capacity/find-capacity.js';
import { freePort } from '../../../lab/cluster/free-ports.js';
import { readRunRecord } from '../../../record/folder.js';
import { parseGate } from '../../../record/gate.js';
import { writeRecord } from '../../../reports/write.js';
import { writeCapacity } from '../../../reports/write-capacity.js';
import { loadScenario } from '../../../scenarios/load.js';
import { testFolder } from '../../support/folder.js';

const SERVER = resolve('test/fixtures/commands/limited-chat.mjs');

/** Searches for the limit of a chat server, which is started anew for each trial. */
async function searchOf(
  limit: string[],
  change: Partial<CapacityOptions>,
  { more = '', lagLimit = '1m', rate = 100, overrides = [] as string[], spoil = '' } = {},
): Promise<CapacityOutcome & { folder: string }> {
  const port = await freePort();
  const folder = testFolder();
  const file = join(folder, 'limited.yaml');
  writeFileSync(
    file,
    `name: limited
target:
  command: ${JSON.stringify([process.execPath, SERVER, '--port', String(port), ...limit])}
  addresses: [ws://127.0.0.1:${port}]
  driver: { websocket: { preset: json-chat } }
clients: { count: 10, connectRate: 500/s, connectTimeout: 10s }
phases: [{ name: talk, duration: 1s, rate: ${rate}/s }]
generator: { drain: 5s, lagLimit: ${lagLimit} }
${more}
`,
  );
  const records = join(folder, 'records');
  mkdirSync(records);
  if (spoil !== '') writeFileSync(join(records, spoil), 'a file where a folder is to be');
  const outcome = await findCapacity(
    {
      load: (further) => loadScenario(file, [...overrides, ...further], { isTrusted: true }),
      find: 'messages.rate',
      isPerClient: false,
      until: [parseGate('latency.delivered.p99 < 1m')],
      areOwnGatesLeftOut: false,
      from: undefined,
      most: undefined,
      precision: 0.5,
      trialMs: 1000,
      fullMs: 1000,
      mostTrials: 30,
      mostMs: 60_000,
      sizes: [],
      folder: records,
      ...change,
    },
    {
      recorded: async (own, record) => {
        await writeRecord(own, record);
      },
    },
  );
  return { ...outcome, folder: records };
}

describe('a search against a server whose limit is known', () => {
  test('finds how many connections it takes, and says that it refuses the others', async () => {
    const { capacity, folder } = await searchOf(
      ['--connections', '11'],
      { find: 'clients.count', until: [parseGate('latency.connect.p99 < 1m')], from: 10, most: 12 },
      { rate: 0 },
    );
    const [search] = capacity.searches;
    expect(search?.end).toBe('found');
    expect([search?.holds?.level, search?.breaks?.level]).toEqual([10, 12]);
    expect(search?.trials.map(({ length }) => length)).toEqual([
      'short',
      'short',
      'full',
      'full',
      'full',
      'full',
    ]);

    const { capacity: written } = await writeCapacity(folder, capacity);
    const [told] = written.searches;
    expect(told?.because?.gates).toContain('only 11 of 12 clients got in');
    expect(told?.because?.first).toContain('connects');
    expect(told?.conclusion).toMatch(
      /^limited holds 10 clients, and breaks at 12 clients because only 11 of 12 clients got in/,
    );
    // Each trial can be run again by hand.
    const last = await readRunRecord(join(folder, search?.trials.at(-1)?.folder ?? ''));
    expect(last.scenario.overrides).toContain(`clients.count=${search?.trials.at(-1)?.level}`);
  }, 120_000);

  test('takes a server that refuses what is too much for one that does not hold it', async () => {
    const { capacity } = await searchOf(['--rate', '200', '--over', 'refuse'], { from: 2000, mostTrials: 1 });
    const [search] = capacity.searches;
    expect(search).toMatchObject({
      end: 'stopped',
      whyStopped: 'one trial was all that was allowed (--max-trials)',
    });
    expect(search?.breaks).toEqual({ level: 2000, length: 'short', verdict: 'broke' });
    expect(search?.trials[0]?.missed).toEqual([
      { expression: 'messages.refused == 0', value: expect.any(Number) },
    ]);
  });
});

describe('what is not the server’s', () => {
  test('is told as that: a generator that is too slow proves nothing', async () => {
    const { capacity } = await searchOf([], { mostTrials: 1 }, { lagLimit: '1us' });
    const [search] = capacity.searches;
    expect(search?.trials.map(({ verdict }) => verdict)).toEqual(['lab']);
    expect(search?.trials[0]?.faults[0]).toMatch(/late \(p99\)/);
    expect(search).toMatchObject({ end: 'stopped', holds: null, breaks: null });
  });

  test('a time that is over lets no trial begin that would last beyond it', async () => {
    const { capacity } = await searchOf([], { mostMs: 500 });
    expect(capacity.searches[0]).toMatchObject({
      end: 'stopped',
      whyStopped: 'the time was over (--max-time)',
      trials: [],
    });
  });

  test('a server that cannot be started is an error, and no level', async () => {
    const { capacity, failure } = await searchOf(['--no-such-option'], {});
    expect(failure?.message).toContain('limited-chat.mjs');
    expect(capacity.searches[0]?.holds).toBeNull();
    expect(capacity.searches[0]?.trials).toHaveLength(1);
  });

  test('what it leaves holds no secret of the scenario', async () => {
    const { capacity } = await searchOf(
      ['--no-such-option', 'of-the-scenario'],
      {},
      {
        overrides: ['target.token=of-the-scenario'],
      },
    );
    expect(capacity.searches[0]?.whyStopped).toContain('limited-chat.mjs');
    expect(JSON.stringify(capacity)).not.toContain('of-the-scenario');
    expect(capacity.scenario.overrides).toEqual(['target.token=…']);
  });

  test('a file that the scenario extends, and that is changed meanwhile, ends the search', async () => {
    const folder = testFolder();
    const base = join(folder, 'base.yaml');
    const write = (clients: number) =>
      writeFileSync(base, `clients: { count: ${clients} }\ntarget: { embedded: { store: memory } }\n`);
    write(10);
    const file = join(folder, 'own.yaml');
    writeFileSync(
      file,
      'extends: base.yaml\nname: own\nphases: [{ name: talk, duration: 1s, rate: 10/s }]\n',
    );
    const load = async (overrides: readonly string[]) => {
      const loaded = await loadScenario(file, overrides);
      write(20);
      return loaded;
    };
    await expect(searchOf([], { load })).rejects.toThrow('own.yaml was changed while the search went on');
  });

  test('a file that is broken, or gone, while the search goes on ends it, and what is known stands', async () => {
    for (const harm of [
      (file: string) => writeFileSync(file, 'name: [half'),
      (file: string) => rmSync(file),
    ]) {
      const file = join(testFolder(), 'own.yaml');
      writeFileSync(
        file,
        'name: own\ntarget: embedded\nclients: { count: 10 }\nphases: [{ name: talk, duration: 1s, rate: 10/s }]\n',
      );
      let loads = 0;
      const load = async (overrides: readonly string[]) => {
        loads += 1;
        // The first is the scenario as it is, the next one trial.
        if (loads === 3) harm(file);
        return loadScenario(file, overrides);
      };
      const { failure, capacity } = await searchOf([], { load });
      expect(failure?.message).toContain('own.yaml was changed while the search went on: ');
      expect(capacity.searches[0]).toMatchObject({ end: 'stopped', trials: [{ verdict: 'held' }] });
    }
  });

  test('a folder that cannot take a record ends it, and is no limit of the machines', async () => {
    const { failure, capacity } = await searchOf([], {}, { spoil: '002' });
    expect(failure?.message).toContain('002 cannot be the folder of a record');
    expect(capacity.searches[0]).toMatchObject({ end: 'stopped', trials: [{ verdict: 'held' }] });
  });

  test('input that is wrong is told before anything is started', async () => {
    await expect(
      searchOf(
        [],
        { until: [parseGate('latency.accepted.p99 < 1s')] },
        { more: 'actions: [{at: 500ms, do: cut, share: 10%}]' },
      ),
    ).rejects.toThrow(
      "limited has actions (cut), and how much a server holds is told of one that is left alone; add --set 'actions=[]'",
    );
    await expect(searchOf([], { from: 10, most: 5 })).rejects.toThrow('--max: 5 is less than');
  });
});
