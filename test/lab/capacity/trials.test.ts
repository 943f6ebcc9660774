import { describe, expect, it } from 'vitest';
import { HostShare } from '../../../lab/capacity/host-share.js';
import { judgeTrial } from '../../../lab/capacity/judge-trial.js';
import { gatesAt, trialGates } from '../../../lab/capacity/trial-gates.js';
import { demandLevel, trialOverrides } from '../../../lab/capacity/trial-scenario.js';
import { parseGate } from '../../../record/gate.js';
import { InputError } from '../../../record/input-error.js';
import type { RunRecord } from '../../../record/run.js';
import { loadScenario, parseScenario } from '../../../scenarios/load.js';
import { listShippedScenarios } from '../../../scenarios/shipped.js';
import { recordFixture } from '../../fixtures/record.js';

const TEXT = `name: mine
target: embedded
clients: { count: 200 }
phases:
  - { name: talk, duration: 10s, rate: 100/s }
  - { name: rush, duration: 30s, rate: 400/s, churn: 2/s }
gates: ["connections.peak >= 200", "messages.delivered > 1000", "latency.accepted.p99 < 100ms", "messages.lost == 0"]
`;
const UNTIL = [parseGate('latency.delivered.p99 < 250ms')];
const mine = (text = TEXT, overrides: string[] = []) => parseScenario(text, 'mine.yaml', overrides);

const change = {
  find: 'messages.rate',
  level: 4000,
  isPerClient: false,
  durationMs: 40_000,
  gates: ['messages.lost == 0'],
  size: null,
} as const;

describe('a trial', () => {
  it('is the scenario with overrides: its phases keep their proportions in load and in time', () => {
    const overrides = trialOverrides(mine(), { ...change, durationMs: 10_000 });
    expect(overrides).toEqual([
      'phases.0.duration=2500ms',
      'phases.0.rate=1000/s',
      'phases.1.duration=7500ms',
      'phases.1.rate=4000/s',
      'gates=["messages.lost == 0"]',
    ]);
    const trial = mine(TEXT, overrides);
    expect(trial.phases.map(({ durationMs, messageRate }) => [durationMs, messageRate])).toEqual([
      [2500, 1000],
      [7500, 4000],
    ]);
    expect(trial.gates.map(({ expression }) => expression)).toEqual(['messages.lost == 0']);
  });

  it('keeps a ramp, whose level is its higher end', () => {
    const ramp = mine(TEXT, ['phases.0.rate=0/s..800/s']);
    const overrides = trialOverrides(ramp, change);
    expect(overrides).toContain('phases.0.rate=0/s..4000/s');
    expect(mine(TEXT, overrides).phases[0]).toMatchObject({ messageRate: 0, messageRateTo: 4000 });
  });

  it('has more clients with the same load, or with more of it where each is to write as often', () => {
    const clients = { ...change, find: 'clients.count', level: 1000 } as const;
    expect(trialOverrides(mine(), clients)).toEqual(['clients.count=1000', 'gates=["messages.lost == 0"]']);
    expect(trialOverrides(mine(), { ...clients, isPerClient: true })).toEqual([
      'clients.count=1000',
      'phases.0.rate=500/s',
      'phases.1.rate=2000/s',
      'phases.1.churn=10/s',
      'gates=["messages.lost == 0"]',
    ]);
  });

  it('has as many more files, where there are any and each client is to do as much', () => {
    const pictures = 'messages.size=3KiB';
    const media = mine(TEXT, [pictures, 'media={uploads: 20/s, downloads: 100/s, connections: 400}']);
    const clients = { ...change, find: 'clients.count', level: 1000, isPerClient: true } as const;
    const trial = mine(TEXT, [pictures, 'media={size: 48KiB}', ...trialOverrides(media, clients)]);
    expect(trial.media).toMatchObject({ uploadRate: 100, downloadRate: 500, connections: 1000 });
    expect(trialOverrides(media, { ...clients, isPerClient: false }).join()).not.toContain('media');
  });

  it('may have another number of workers', () => {
    const overrides = trialOverrides(mine(), { ...change, size: { of: 'workers', count: 3 } });
    expect(mine(TEXT, overrides).target).toMatchObject({ kind: 'embedded', workers: 3 });
  });

  it('may have another number of nodes', () => {
    const nodes = { of: 'nodes', count: 4 } as const;
    const cluster = ['target.embedded.cluster={nodes: 2, nats: 3, homes: 16}'];
    const overrides = trialOverrides(mine(TEXT, cluster), { ...change, size: nodes });
    expect(mine(TEXT, [...cluster, ...overrides]).target).toMatchObject({
      cluster: { nodes: 4, nats: 3, homes: 16 },
    });
  });

  it('is refused for a scenario of which no level can be told', () => {
    const silent = mine(TEXT, ['phases.0.rate=0/s', 'phases.1.rate=0/s']);
    expect(() => demandLevel(silent, 'messages.rate', undefined)).toThrow('mine sends no messages');
    const crashing = mine(TEXT, ['actions=[{at: 1s, do: kill-server}]', 'target.embedded.store=lmdb']);
    expect(() => demandLevel(crashing, 'messages.rate', undefined)).toThrow(InputError);
    const elsewhere = mine(TEXT, ['target=tcp://127.0.0.1:4000']);
    expect(() => demandLevel(elsewhere, 'messages.rate', 'workers')).toThrow(
      '--workers are those of an embedded server',
    );
    expect(() => demandLevel(mine(), 'messages.rate', 'nodes')).toThrow(
      '--nodes are those of an embedded cluster',
    );
  });
});

describe('what has to hold at a level', () => {
  it('is what was asked for, the gates of the scenario, that all get in, and that nothing is refused', () => {
    const gates = trialGates(UNTIL, mine(), false);
    expect(gatesAt(gates, 200)).toEqual([
      'latency.delivered.p99 < 250ms',
      'latency.accepted.p99 < 100ms',
      'messages.lost == 0',
      'messages.refused == 0',
      'connections.peak >= 200',
    ]);
    expect(gates.leftOut.map(({ expression }) => expression)).toEqual([
      'connections.peak >= 200',
      'messages.delivered > 1000',
    ]);
  });

  it('leaves the gates of the scenario out where that was asked for, and those on a base line in any case', () => {
    const baseline = mine(TEXT, [
      'gates=["latency.accepted.p99 <= baseline * 1.1", "messages.refused <= 5"]',
    ]);
    const gates = trialGates(UNTIL, baseline, false);
    expect(gates.also).toEqual(['messages.refused <= 5']);
    expect(gates.leftOut).toEqual([
      { expression: 'latency.accepted.p99 <= baseline * 1.1', why: 'it needs a base line' },
    ]);
    expect(trialGates(UNTIL, mine(), true).also).toEqual(['messages.refused == 0']);
    // Of a scenario without messages nothing can be said of them.
    const silent = mine(TEXT, ['phases.0.rate=0/s', 'phases.1.rate=0/s', 'gates=[]']);
    expect(trialGates(UNTIL, silent, false).also).toEqual([]);
  });
});

describe('gates of a scenario that ask for an amount of load', () => {
  it('decide nothing, whatever they are of: a short trial has less of everything', () => {
    const amounts = [
      'media.uploads.count >= 300',
      'media.downloads.bytes > 1MiB',
      'backlog.queues.mailboxes.max >= 5000',
      'backlog.queues.mailboxes.alerts >= 1',
      'phases.rush.latency.delivered.count >= 100',
      'messages.refused >= 1',
    ];
    const others = [
      'media.uploads.failed == 0',
      'backlog.queues.mailboxes.max < 100',
      'connections.connectsPerSecond >= 5',
    ];
    const gates = trialGates(UNTIL, mine(TEXT, [`gates=${JSON.stringify([...amounts, ...others])}`]), false);
    expect(gates.leftOut.map(({ expression }) => expression)).toEqual(amounts);
    expect(gates.also).toEqual([...others, 'messages.refused == 0']);
  });

  it('are left out of every shipped scenario: none is failed by a trial for being short', async () => {
    for (const { name } of await listShippedScenarios()) {
      const { scenario } = await loadScenario(name, ['actions=[]']);
      const { also } = trialGates(UNTIL, scenario, false);
      expect(
        also.filter((gate) => /(count|max|alerts|reconnects|sent|takeovers) *>/.test(gate)),
        name,
      ).toEqual([]);
    }
  });

  it('and those that end a run when they break end a trial', () => {
    const aborting = mine(TEXT, [
      'gates=["messages.lost == 0", {gate: latency.accepted.p99 < 100ms, abortOnFail: true, for: 10s}, {gate: messages.duplicated == 0, abortOnFail: true}]',
    ]);
    const gates = gatesAt(trialGates(UNTIL, aborting, false), 200);
    expect(gates).toContainEqual({ gate: 'latency.accepted.p99 < 100ms', abortOnFail: true, for: '10s' });
    const trial = mine(TEXT, trialOverrides(aborting, { ...change, gates }));
    const aborts = trial.gates.map(({ expression, abort }) => [expression, abort?.forMs]);
    expect(aborts).toEqual([
      ['latency.delivered.p99 < 250ms', undefined],
      ['messages.lost == 0', undefined],
      ['latency.accepted.p99 < 100ms', 10_000],
      ['messages.duplicated == 0', 0],
      ['messages.refused == 0', undefined],
      ['connections.peak >= 200', undefined],
    ]);
  });
});

describe('a trial is judged by its run', () => {
  const judged = (alter: (record: RunRecord) => void, isInterrupted = false, failure?: Error) =>
    judgeTrial({ record: recordFixture(alter).record, failure }, isInterrupted);

  it('held where it passed, broke where it failed, with the gates that did not hold', () => {
    const held = judged((record) => {
      record.verdict = 'passed';
    });
    expect(held.verdict).toBe('held');
    expect(held.seconds).toBeCloseTo(28);
    const broke = judged((record) => {
      record.verdict = 'failed';
      record.gates = [
        { expression: 'messages.lost == 0', value: 3, passed: false },
        { expression: 'connections.peak >= 5', value: 9, passed: true },
      ];
    });
    expect(broke.verdict).toBe('broke');
    expect(broke.missed).toEqual([{ expression: 'messages.lost == 0', value: 3 }]);
  });

  it('is the lab’s where the run was invalid, and never the server’s', () => {
    const trial = judged((record) => {
      record.verdict = 'invalid';
      record.generator.faults = ['messages left 230 ms late (p99)'];
    });
    expect(trial).toMatchObject({ verdict: 'lab', faults: ['messages left 230 ms late (p99)'] });
  });

  it('is the lab’s where somebody changed its rate by hand: it is none of its level', () => {
    const trial = judged((record) => {
      record.verdict = 'passed';
      record.rateChanges = [{ atSeconds: 4, phase: 'rush', perSecond: 500, by: 'c2m rate' }];
    });
    expect(trial).toMatchObject({ verdict: 'lab', faults: ['its rate was changed by hand'] });
  });

  it('says nothing where it was interrupted; one that was cut short otherwise has lost an agent', () => {
    const cut = (record: RunRecord): void => {
      record.verdict = 'partial';
    };
    expect(judged(cut, true).verdict).toBe('stopped');
    expect(judged(cut, false, new Error('agent 1 ended')).verdict).toBe('lab');
    const alone = (record: RunRecord): void => {
      record.verdict = 'partial';
      record.connections.peak = 0;
    };
    expect(judged(alone, false, new Error('no client could log in')).verdict).toBe('broke');
    expect(judgeTrial({ record: undefined, failure: undefined }, true).verdict).toBe('stopped');
    const unjudged = recordFixture((record) => {
      record.verdict = 'partial';
      record.gates = [{ expression: 'messages.lost == 0', value: null, passed: false, note: 'not judged' }];
    });
    expect(judgeTrial({ record: unjudged.record, failure: undefined }, true)).toMatchObject({
      verdict: 'stopped',
      missed: [],
    });
  });

  it('is the lab’s where others had taken the CPU of the host, and what did not hold is about time', () => {
    const LATE = { expression: 'latency.delivered.p99 < 250ms', value: 900, passed: false };
    const tried = (host: number, server: number, gates: RunRecord['gates']) => {
      const { record, samples } = recordFixture((each) => {
        Object.assign(each, { verdict: 'failed', gates });
        each.environment.cores = 2;
      });
      const share = new HostShare();
      samples.forEach((sample, at) => {
        sample.kernel.busySeconds = 1000 + at * host;
        if (sample.server) sample.server.cpu = server;
        sample.generator.cpu = 0.2;
        share.add(sample);
      });
      return judgeTrial({ record, failure: undefined }, false, share);
    };
    const starved = tried(2, 0.3, [LATE]);
    expect(starved.verdict).toBe('lab');
    expect(starved.faults).toEqual([
      'the host had no CPU left, and 1.50 of its 2 cores went to others than the server and the agents (0.50)',
    ]);
    // Its own work, a host with cores to spare, and a message that is lost, are the server’s.
    expect(tried(2, 1.2, [LATE]).verdict).toBe('broke');
    expect(tried(1.2, 0.3, [LATE]).verdict).toBe('broke');
    const lost = { expression: 'messages.lost == 0', value: 3, passed: false };
    expect(tried(2, 0.3, [LATE, lost]).verdict).toBe('broke');
  });

  it('names the death of the server as what broke', () => {
    const trial = judged((record) => {
      record.verdict = 'failed';
      record.target.died = 'it ended with status 1';
    });
    expect(trial).toMatchObject({ verdict: 'broke', faults: ['the server died: it ended with status 1'] });
  });
});
