import { describe, expect, test } from 'vitest';
import type { TimelineSample } from '../../record/timeline.js';
import { recoveriesOf } from '../../reports/recovery.js';
import { recoverySentence } from '../../reports/recovery-words.js';
import { latencyOf, steadyRun } from '../fixtures/steady-run.js';

const TALK = [{ name: 'talk', seconds: 28, rate: 500 }];

/** The recoveries of a run with actions at those times, in words. */
function recovered(
  change: (sample: TimelineSample, second: number) => void,
  ...marks: { atSeconds: number; label: string; isEnd?: boolean; isOfCluster?: boolean }[]
): string[] {
  const { record, samples } = steadyRun(TALK, change, (each) => {
    each.marks = marks;
  });
  return recoveriesOf(record, samples).map(recoverySentence);
}

const KILL = { atSeconds: 9.5, label: 'kill-server' };

describe('the recovery from an action', () => {
  test('lasts until latency, connections and messages under way are back where they were', () => {
    const words = recovered((sample, second) => {
      if (second >= 10 && second <= 11) {
        sample.connections.open = 300;
        sample.latency.delivered = null;
        sample.messages.inFlight = 900;
      }
      if (second === 12) sample.latency.delivered = latencyOf(1800);
      if (second === 13) sample.latency.delivered = latencyOf(90);
    }, KILL);
    expect(words).toEqual([
      'kill-server at 9.5 s: 4.5 s (delivered p99 4 ms → 1.8 s, back after 4.5 s; ' +
        'connections 1,000 → 300, back after 2.5 s; in flight 2 → 900, back after 2.5 s)',
    ]);
  });

  test('is that from the action, whatever a cluster does about it meanwhile', () => {
    const taken = { atSeconds: 12.5, label: 'node-2 took over 8 homes in 1.4 s', isOfCluster: true };
    const words = recovered(
      (sample, second) => {
        if (second >= 10 && second <= 14) sample.connections.open = 300;
      },
      KILL,
      taken,
    );
    expect(words).toHaveLength(1);
    expect(words[0]).toContain('connections 1,000 → 300, back after 5.5 s');
  });

  test('takes no time where nothing left its range', () => {
    expect(recovered(() => undefined, { atSeconds: 9.5, label: 'reload' })).toEqual([
      'reload at 9.5 s: not felt',
    ]);
  });

  test('counts connections that were dropped and were all back before the second was over', () => {
    const words = recovered((sample, second) => {
      if (second === 10) Object.assign(sample.connections, { dropped: 156, connected: 156 });
    }, KILL);
    expect(words).toEqual([
      'kill-server at 9.5 s: 0.5 s (delivered p99 4 ms, never left; ' +
        'connections 1,000, 156 dropped, back after 0.5 s; in flight 2, never left)',
    ]);
  });

  test('lasts while more are dropped, and tells how few were left where a second ended with fewer', () => {
    const words = recovered((sample, second) => {
      if (second >= 10 && second <= 12) Object.assign(sample.connections, { dropped: 50, connected: 50 });
      if (second === 10) sample.connections.open = 980;
    }, KILL);
    expect(words[0]).toContain('connections 1,000 → 980, 150 dropped, back after 2.5 s');
  });

  test('does not take for its own what is dropped all the time', () => {
    const words = recovered((sample) => {
      Object.assign(sample.connections, { dropped: 3, connected: 3 });
    }, KILL);
    expect(words).toEqual(['kill-server at 9.5 s: not felt']);
  });

  test('is not over with one good second between bad ones', () => {
    const words = recovered((sample, second) => {
      if (second >= 10 && second <= 15 && second !== 12) sample.latency.delivered = latencyOf(400);
    }, KILL);
    expect(words[0]).toMatch(/^kill-server at 9\.5 s: 6\.5 s/);
  });

  test('that never came is told with how long was waited for it', () => {
    const words = recovered((sample, second) => {
      if (second >= 10) sample.connections.open = 900;
    }, KILL);
    expect(words[0]).toMatch(
      /^kill-server at 9\.5 s: not within 20\.5 s \(.*connections 1,000 → 900, not back/,
    );
  });

  test('ends with the next action, which is measured against the calm before the first', () => {
    const words = recovered(
      (sample, second) => {
        if (second >= 10 && second <= 14) sample.latency.delivered = latencyOf(400);
      },
      KILL,
      { atSeconds: 12.5, label: 'kill-worker 1' },
    );
    expect(words[0]).toMatch(/^kill-server at 9\.5 s: not within 3 s/);
    expect(words[1]).toMatch(/^kill-worker 1 at 12\.5 s: 2\.5 s \(delivered p99 4 ms → 400 ms/);
  });

  test('goes on when what the action took is back, which is no action of its own', () => {
    const words = recovered(
      (sample, second) => {
        if (second >= 10 && second <= 14) sample.connections.open = 600;
      },
      { atSeconds: 9.5, label: 'kill node-2' },
      { atSeconds: 12.5, label: 'node-2 is back', isEnd: true },
    );
    expect(words).toEqual([expect.stringMatching(/^kill node-2 at 9\.5 s: 5\.5 s \(/)]);
  });

  test('is not known where too little was measured before it', () => {
    expect(recovered(() => undefined, { atSeconds: 2.5, label: 'cut 10 %' })).toEqual([
      'cut 10 % at 2.5 s: not known: too little was measured before it',
    ]);
  });

  test('leaves out messages under way where users were away on purpose', () => {
    const [words] = recovered((sample, second) => {
      if (second > 8) Object.assign(sample.connections, { open: 800, away: 200 });
      if (second >= 10) sample.messages.inFlight = 5000;
    }, KILL);
    expect(words).toBe('kill-server at 9.5 s: not felt');
  });
});

test('a cut at the beginning of a phase is an action too', () => {
  const { record, samples } = steadyRun([
    { name: 'talk', seconds: 8, rate: 500 },
    { name: 'cut-off', seconds: 8, rate: 500 },
  ]);
  const planned = record.scenario.resolved.phases as { name: string; cut: number }[];
  if (planned[1]) planned[1].cut = 0.1;
  expect(recoveriesOf(record, samples).map(recoverySentence)).toEqual([
    'cut 10 % as cut-off began at 10 s: not felt',
  ]);
});
