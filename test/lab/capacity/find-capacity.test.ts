import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type CapacityOptions,
  type CapacityOutcome,
  findCapacity,
} from '../../../lab/capacity/find-capacity.js';
import type { CapacityTrial } from '../../../record/capacity.js';
import { readRunRecord } from '../../../record/folder.js';
import { parseGate } from '../../../record/gate.js';
import { writeRecord } from '../../../reports/write.js';
import { writeCapacity } from '../../../reports/write-capacity.js';
import { loadScenario } from '../../../scenarios/load.js';
import { freePort } from '../../support/commands.js';
import { testFolder } from '../../support/folder.js';

const SERVER = resolve('test/fixtures/commands/limited-chat.mjs');

/** Searches for the limit of a chat server, which is started anew for each trial. */
async function searchOf(
  limit: string[],
  change: Partial<CapacityOptions>,
  { more = '', lagLimit = '1m' } = {},
  judged?: (trial: CapacityTrial) => void,
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
clients: { count: 10, connectRate: 500/s, connectTimeout: 1s }
phases: [{ name: talk, duration: 1s, rate: 100/s }]
generator: { drain: 500ms, lagLimit: ${lagLimit} }
${more}
`,
  );
  const records = join(folder, 'records');
  const outcome = await findCapacity(
    {
      load: (overrides) => loadScenario(file, overrides, { isTrusted: true }),
      find: 'messages.rate',
      isPerClient: false,
      until: [parseGate('latency.delivered.p99 < 5s')],
      areOwnGatesLeftOut: false,
      from: undefined,
      most: undefined,
      precision: 0.5,
      trialMs: 1000,
      fullMs: 1000,
      mostTrials: 30,
      mostMs: 60_000,
      workers: [],
      folder: records,
      ...change,
    },
    {
      recorded: async (own, record) => {
        await writeRecord(own, record);
      },
      ...(judged && { judged }),
    },
  );
  return { ...outcome, folder: records };
}

describe('a search against a server whose limit is known', () => {
  test('finds how many connections it takes, and says that it refuses the others', async () => {
    const { capacity, folder } = await searchOf(['--connections', '11'], {
      find: 'clients.count',
      from: 9,
      most: 14,
    });
    const [search] = capacity.searches;
    expect(search?.end).toBe('found');
    expect(search?.holds?.level).toBeLessThanOrEqual(11);
    expect(search?.holds?.level).toBeGreaterThanOrEqual(9);
    expect(search?.breaks?.level).toBeGreaterThan(11);

    const { capacity: written } = await writeCapacity(folder, capacity);
    const [told] = written.searches;
    expect(told?.because?.gates).toContain(`connections.peak >= ${search?.breaks?.level}: 11`);
    expect(told?.because?.first).toContain('connects');
    expect(told?.conclusion).toMatch(/^limited holds \d+ clients, and breaks at \d+ clients because/);
    // Each trial can be run again by hand.
    const last = await readRunRecord(join(folder, search?.trials.at(-1)?.folder ?? ''));
    expect(last.scenario.overrides).toContain(`clients.count=${search?.trials.at(-1)?.level}`);
  }, 60_000);

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

  test('an interruption leaves what was measured, and begins no further trial', async () => {
    const stop = new AbortController();
    const { capacity } = await searchOf([], { signal: stop.signal }, {}, () => stop.abort());
    const [search] = capacity.searches;
    expect(search).toMatchObject({ end: 'stopped', whyStopped: 'it was interrupted' });
    expect(search?.holds).toEqual({ level: 100, length: 'short', verdict: 'held' });
    expect(search?.trials).toHaveLength(1);
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
