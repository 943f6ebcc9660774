import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type C2mError,
  compare,
  type FinishedRun,
  isC2mError,
  readRecord,
  runScenario,
} from '../../api/index.js';
import { keptFolder, testFolder } from '../support/folder.js';

/** As a program would write it down; how fast this machine is on that day decides nothing here. */
const TALK = {
  name: 'talk',
  target: { embedded: { store: 'memory' } },
  clients: { count: 20 },
  phases: [{ name: 'talk', duration: '1s', rate: '50/s' }],
  generator: { lagLimit: '1m', agents: 1 },
  gates: ['messages.lost == 0', 'connections.peak == 20'],
};

async function errorOf(promise: Promise<unknown>): Promise<C2mError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isC2mError(error)) throw new Error(`${String(error)} is no error of c2m`);
  return error;
}

describe('a run', () => {
  const told: string[] = [];
  let folder: string;
  let run: FinishedRun;
  let samples = 0;
  beforeAll(async () => {
    folder = join(keptFolder(), 'record');
    run = await runScenario(TALK, {
      folder,
      set: { 'clients.count': 30, gates: ['messages.lost == 0', 'connections.peak == 31'] },
      onPhase: ({ name, durationMs }) => told.push(`${name} ${durationMs}`),
      onSample: () => {
        samples += 1;
      },
    });
  });

  test('tells what it does while it goes on', () => {
    expect(told).toEqual(['connect null', 'talk 1000', 'drain null']);
    expect(samples).toBeGreaterThan(0);
  });

  test('whose gate does not hold is no error, and says so in a line', () => {
    expect(run.passed).toBe(false);
    expect(run.record).toMatchObject({
      verdict: 'failed',
      messages: { lost: 0 },
      target: { store: 'memory' },
    });
    expect(run.problems).toEqual(['connections.peak == 31 did not hold: 30']);
  });

  test('leaves a record that can be read, with what it was asked for', async () => {
    expect(run.folder).toBe(folder);
    const record = await readRecord(folder);
    expect(record).toEqual(run.record);
    expect(record.scenario).toMatchObject({ file: 'scenario', resolved: { clients: { count: 30 } } });
    expect(JSON.parse(record.scenario.source)).toEqual(TALK);
  });

  test('is compared with others by their folders or their records', async () => {
    const comparison = await compare(folder, [run.record], { smallestEffect: 0.1 });
    // The gate that it missed is missed on both sides.
    expect(comparison.outcome).toBe('worse');
    expect(comparison.faults).toContain('1 of the 1 current runs: failed');
    const lost = comparison.figures.find(({ path }) => path === 'messages.lost');
    expect(lost).toMatchObject({ base: { median: 0 }, current: { median: 0 }, verdict: 'same' });
    expect(comparison.markdown).toContain(comparison.conclusion.slice(0, 20));
  });

  test('takes the place of no record unless it may', async () => {
    const { code, message } = await errorOf(runScenario(TALK, { folder }));
    expect(code).toBe('C2M_INPUT');
    expect(message).toContain('holds a run record already');
  });
});

describe('runs that begin at once', () => {
  const scenario = { ...TALK, phases: [{ name: 'talk', duration: '200ms', rate: '50/s' }] };
  const here = process.cwd();
  afterEach(() => process.chdir(here));

  test('have records of their own, where nobody says where to put them', async () => {
    process.chdir(testFolder());
    const runs = await Promise.all([1, 2, 3].map(() => runScenario(scenario)));
    expect(new Set(runs.map(({ folder }) => folder)).size).toBe(3);
    for (const { folder, record, problems } of runs) {
      expect(problems.join()).not.toContain('damaged');
      expect(await readRecord(folder)).toEqual(record);
    }
  });

  test('do not share a folder', async () => {
    const folder = join(testFolder(), 'record');
    const [one, other] = await Promise.allSettled([1, 2].map(() => runScenario(scenario, { folder })));
    const [kept, refused] = one?.status === 'fulfilled' ? [one, other] : [other, one];
    expect(kept).toMatchObject({ value: { record: await readRecord(folder) } });
    expect(refused).toMatchObject({ reason: { code: 'C2M_INPUT' } });
  });
});

test.each(['onPhase', 'onSample'])('what %s throws ends the run, and is told as it is', async (name) => {
  const ownError = new Error('of the caller');
  for (const callback of [
    () => {
      throw ownError;
    },
    () => Promise.reject(ownError),
  ]) {
    const run = runScenario(TALK, {
      folder: join(testFolder(), 'record'),
      set: { 'phases.talk.duration': '1h' },
      [name]: callback,
    });
    await expect(run).rejects.toBe(ownError);
  }
});

describe('a run that is aborted', () => {
  test('ends in good order, and is partial', async () => {
    const controller = new AbortController();
    const run = await runScenario(TALK, {
      folder: join(testFolder(), 'record'),
      set: { 'phases.talk.duration': '1h' },
      signal: controller.signal,
      onPhase: ({ name }) => name === 'talk' && controller.abort(),
    });
    expect(run).toMatchObject({ passed: false, record: { verdict: 'partial' } });
    expect(run.problems.join()).toContain('stopped');
  });

  test('before it begins is rejected with the reason, and writes nothing', async () => {
    const folder = join(testFolder(), 'record');
    const signal = AbortSignal.abort(new Error('no time'));
    await expect(runScenario(TALK, { folder, signal })).rejects.toThrow('no time');
    expect((await errorOf(readRecord(folder))).code).toBe('C2M_RECORD');
  });
});

describe('what is wrong is told before anything is started:', () => {
  test('in a scenario, each issue with its place', async () => {
    const wrong = { ...TALK, clients: { count: 'many' }, gates: ['messages.lots == 0'] };
    const error = await errorOf(runScenario(wrong));
    if (error.code !== 'C2M_SCENARIO') throw error;
    expect(error.issues.map(({ path }) => path)).toEqual(['clients.count', 'gates.0']);
    expect(error.issues[0]?.place).toMatch(/^scenario:\d+$/);
  });

  test('in a value that is set', async () => {
    const { code, message } = await errorOf(runScenario('ci-smoke', { set: { 'clients.count': -1 } }));
    expect([code, message]).toEqual(['C2M_SCENARIO', expect.stringContaining('--set clients.count=-1')]);
  });

  test('a scenario that stands for several runs', async () => {
    const matrix = { 'clients.count': [10, 20] };
    const { code, message } = await errorOf(runScenario({ ...TALK, matrix }));
    expect([code, message]).toEqual(['C2M_INPUT', expect.stringContaining('several runs')]);
  });

  test('what is no plain data', async () => {
    const circle: Record<string, unknown> = { ...TALK };
    circle.clients = circle;
    expect((await errorOf(runScenario(circle))).message).toContain('scenario: is no plain data');
    const never = { 'clients.count': undefined };
    expect((await errorOf(runScenario(TALK, { set: never }))).message).toContain(
      'clients.count: is no plain',
    );
    const nothing = null as unknown as Record<string, unknown>;
    expect((await errorOf(runScenario(nothing))).code).toBe('C2M_SCENARIO');
    expect((await errorOf(runScenario(new URL('http://127.0.0.1/a.yaml')))).message).toContain('is no file');
  });

  test('a program that the scenario starts, unless it is trusted', async () => {
    const target = { command: 'mosquitto -p 1883', addresses: ['tcp://127.0.0.1:1883'] };
    expect((await errorOf(runScenario({ ...TALK, target }))).message).toContain('--trust');
  });

  test('a comparison without runs', async () => {
    expect((await errorOf(compare([], []))).code).toBe('C2M_INPUT');
  });
});
