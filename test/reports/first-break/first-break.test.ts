import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../../record/run.js';
import type { TimelineSample } from '../../../record/timeline.js';
import { cameNearLimit, firstBreakOf } from '../../../reports/first-break/first-break.js';
import { breakWords } from '../../../reports/first-break/sentences.js';
import { recordFixture, silentFixture } from '../../fixtures/record.js';
import { latencyOf, type SteadyPhase, type SteadyRun, steadyRun } from '../../fixtures/steady-run.js';
import { TELLS_ALL } from '../../fixtures/told.js';

/** All that is said of a run. */
function told({ record, samples }: SteadyRun): string {
  const { headline, details } = breakWords(record, firstBreakOf(record, samples));
  return [headline, ...details].join('\n');
}

function failed(record: RunRecord): void {
  record.verdict = 'failed';
}

const TALK: SteadyPhase[] = [{ name: 'talk', seconds: 18, rate: 500 }];
const STEPS: SteadyPhase[] = [
  { name: 'one', seconds: 6, rate: 500 },
  { name: 'two', seconds: 6, rate: 1000 },
  { name: 'three', seconds: 6, rate: 2000 },
];

/** From that second on. */
function from(second: number, change: (sample: TimelineSample, since: number) => void) {
  return (sample: TimelineSample, now: number): void => {
    if (now >= second) change(sample, now - second);
  };
}

describe('a run in which nothing gave way', () => {
  test('says so, and what was nearest to its limit', () => {
    expect(told(steadyRun())).toBe(
      'Nothing gave way; nearest to its limit was CPU of the host, 1.00 of 2 cores at 2 s, in the phase connect (50 %).',
    );
  });

  test('says of a host that is nearly full how much went to neither the server nor the load', () => {
    const words = told(
      steadyRun(TALK, (sample) => {
        sample.kernel.busySeconds = 1000 + sample.t * 1.9;
      }),
    );
    expect(words).toMatch(/^Nothing gave way; nearest to its limit was CPU of the host, 1\.90 of 2 cores/);
    expect(words).toMatch(/, in the phase \w+, [01]\.\d\d of them for other programs \(95 %\)\.$/);
  });

  test('names everything that came near its limit and held', () => {
    const run = steadyRun(
      TALK,
      (sample) => {
        sample.kernel.busySeconds = 1000 + sample.t * 1.8;
        if (sample.t === 9 && sample.server) sample.server.queues.outbound = 640;
      },
      (record) => {
        record.backlog.queues = [{ name: 'outbound', max: 640, p99: 8, threshold: 1000, alerts: 0 }];
        record.gates = [
          { expression: 'latency.accepted.p99 < 250ms', value: 231, passed: true },
          { expression: 'connections.peak >= 1000', value: 1000, passed: true },
        ];
      },
    );
    const words = told(run);
    expect(words).toContain(
      'nearest to its limit was the gate latency.accepted.p99 < 250ms, 231 ms (92.4 %)',
    );
    expect(words).toContain('Near its limit: CPU of the host, 1.80 of 2 cores');
    expect(words).toContain(
      'the queue outbound, 640 of its threshold of 1,000 at 9 s, in the phase talk (64 %)',
    );
    // Every client was there; there were no more to be had.
    expect(words).not.toContain('connections.peak');
  });

  test('takes no single slow second for trouble', () => {
    const run = steadyRun(TALK, (sample, second) => {
      if (second === 9) sample.latency.accepted = latencyOf(180);
    });
    expect(told(run)).toContain('Nothing gave way');
  });

  test('is not said to break next anywhere', () => {
    const { record, samples } = steadyRun();
    expect(cameNearLimit(firstBreakOf(record, samples))).toBe(false);
  });
});

describe('a second in which attempts failed and connections were dropped', () => {
  const both = steadyRun(TALK, (sample, second) => {
    if (second === 9) {
      const failures = { PeerClosed: 80, ECONNREFUSED: 8 };
      Object.assign(sample.connections, { connected: 27, failed: 8, dropped: 80, failures });
    }
  });

  test('does not give the reasons of drops as those of attempts, nor the other way round', () => {
    const words = told(both);
    expect(words).toContain(
      '8 of 35 attempts failed (PeerClosed 80, ECONNREFUSED 8; the reasons of 80 drops are among them)',
    );
    expect(words).toContain(
      '80 dropped (PeerClosed 80, ECONNREFUSED 8; the reasons of 8 failed attempts are among them)',
    );
  });
});

test('what came in another order is no trouble where the protocol has none', () => {
  const run = (order: 'per-sender' | 'none') =>
    steadyRun(
      TALK,
      (sample, second) => {
        if (second === 9) sample.messages.outOfOrder = 4;
      },
      (record) => {
        record.target.driver = { name: 'mine', promises: { ...TELLS_ALL, order } };
      },
    );
  expect(told(run('per-sender'))).toContain('4 delivered out of order');
  expect(told(run('none'))).toContain('Nothing gave way');
});

describe('what gave way first is the earliest of', () => {
  test('a latency past the limit of its gate', () => {
    const run = steadyRun(
      TALK,
      from(9, (sample) => {
        sample.latency.accepted = latencyOf(412);
      }),
      (record) => {
        failed(record);
        record.gates = [{ expression: 'latency.accepted.p99 < 250ms', value: 412, passed: false }];
      },
    );
    expect(told(run)).toContain(
      'First to give way: accepted latency at 9 s, in the phase talk: p99 412 ms, past the 250 ms of its gate.',
    );
  });

  test('a latency ten times its calm level, where no gate sets a limit', () => {
    const run = steadyRun(
      TALK,
      from(9, (sample) => {
        sample.latency.delivered = latencyOf(120);
      }),
    );
    expect(told(run)).toContain(
      'First to leave its normal range: delivered latency at 9 s, in the phase talk: p99 120 ms, 30 times its calm level of 4 ms.',
    );
  });

  test('a latency that was within its gate all along is no trouble, whatever its calm level', () => {
    const run = steadyRun(
      TALK,
      from(9, (sample) => {
        sample.latency.accepted = latencyOf(120);
      }),
      (record) => {
        record.gates = [{ expression: 'latency.accepted.p99 < 250ms', value: 120, passed: true }];
      },
    );
    expect(told(run)).toContain('Nothing gave way');
  });

  test('connects that failed, with their number and their reasons', () => {
    const run = steadyRun(TALK, (sample, second) => {
      if (second !== 2) return;
      sample.connections.failed = 3;
      sample.connections.failures = { LoginTimeout: 2, ECONNRESET: 1 };
    });
    expect(told(run)).toContain(
      'connects at 2 s, in the phase connect: 3 of 503 attempts failed (LoginTimeout 2, ECONNRESET 1).',
    );
  });

  test('messages that were refused', () => {
    const run = steadyRun(
      TALK,
      from(9, (sample) => {
        sample.messages.refused = 40;
      }),
      (record) => {
        record.refusals = { RateLimited: 480 };
      },
    );
    expect(told(run)).toContain('messages at 9 s, in the phase talk: 40 refused (RateLimited).');
  });

  test('a queue past its threshold', () => {
    const run = steadyRun(TALK, undefined, (record) => {
      record.backlog.alerts = [
        { queue: 'outbound', startSeconds: 7.4, endSeconds: 9, threshold: 1000, peak: 1600 },
      ];
    });
    expect(told(run)).toContain(
      'the queue outbound at 7.4 s, in the phase talk: past its threshold of 1,000, 1,600 at its peak.',
    );
  });

  test('a queue that grows without a pause, long before it reaches a threshold', () => {
    const run = steadyRun(
      TALK,
      from(8, (sample, since) => {
        if (sample.server) sample.server.queues.outbound = 100 + 300 * since;
      }),
    );
    expect(told(run)).toContain(
      'the queue outbound at 8 s, in the phase talk: growing for 13 s without a pause, from 5 to 3,700.',
    );
  });

  test('messages under way, where the target tells nothing of its queues', () => {
    const run = steadyRun(
      TALK,
      from(8, (sample, since) => {
        sample.server = null;
        sample.messages.inFlight = 2 + 200 * since;
      }),
    );
    expect(told(run)).toContain(
      'messages under way at 9 s, in the phase talk: growing for 12 s without a pause, from 2 to 2,402.',
    );
  });

  test('seconds in which the server did nothing', () => {
    const run = steadyRun(TALK, (sample, second) => {
      if (second !== 10 && second !== 11) return;
      Object.assign(sample.messages, { accepted: 0, delivered: 0 });
      Object.assign(sample.latency, { accepted: null, delivered: null, receipt: null });
    });
    expect(told(run)).toContain(
      'messages at 10 s, in the phase talk: none was accepted or delivered for 2 s, while 500 fell due in the first of them.',
    );
  });

  test('the lag of the generator itself', () => {
    const run = steadyRun(
      TALK,
      from(12, (sample) => {
        sample.generator.lagP99Ms = 210;
      }),
    );
    expect(told(run)).toContain(
      'the load generator at 12 s, in the phase talk: messages left 210 ms late (p99), past its limit of 50 ms.',
    );
  });
});

describe('around the first break are told', () => {
  const overload = steadyRun(
    STEPS,
    from(16, (sample, since) => {
      sample.latency.delivered = latencyOf(300 * (since + 1));
      if (since >= 2) sample.messages.refused = 10;
      if (sample.server) {
        sample.server.cpu = 1.6;
        sample.server.queues.outbound = 700;
      }
    }),
    (record) => {
      failed(record);
      record.messages.lost = 12;
      record.gates = [{ expression: 'messages.lost == 0', value: 12, passed: false }];
    },
  );
  for (const sample of overload.samples) {
    const busy = Math.min(sample.t, 13) + 1.97 * Math.max(0, sample.t - 13);
    sample.kernel.busySeconds = 1000 + busy;
  }

  test('the step of a load that rises', () => {
    expect(told(overload)).toContain('That is step 3 of 3, 2,000/s; the step before, 1,000/s, held.');
    expect(told(overload)).toContain('in the phase three');
  });

  test('what the CPU was doing, and since when it had no more to give', () => {
    expect(told(overload)).toMatch(
      /CPU then: server 0\.87, agents 0\.30, others 0\.80, the whole host 1\.97 of 2 cores; (that is its ceiling|it had been at its ceiling since 16 s)\./,
    );
  });

  test('the longest queue', () => {
    expect(told(overload)).toContain('The longest queue then was outbound, 700 of a threshold of 1,000.');
  });

  test('what gave way later, by time', () => {
    expect(told(overload)).toContain('After that: messages at 18 s (10 refused).');
  });

  test('what no second can be named for', () => {
    expect(told(overload)).toContain(
      'Over the whole run, with no second that could be named: messages: 12 lost.',
    );
  });

  test('that it came as a phase began', () => {
    const run = steadyRun(
      STEPS,
      from(9, (sample) => {
        sample.messages.refused = 5;
        sample.t -= 0.6;
      }),
    );
    expect(told(run)).toContain('messages at 8.4 s, as the phase two began: 5 refused.');
  });

  test('the step of the phase that is named, also where most of that second belonged to the one before', () => {
    const run = steadyRun(
      STEPS,
      from(9, (sample, since) => {
        if (since === 0) Object.assign(sample, { t: 8.4, phase: 'one' });
        sample.messages.refused = 5;
      }),
    );
    const words = told(run);
    expect(words).toContain('messages at 8.4 s, as the phase two began: 5 refused.');
    expect(words).toContain('That is step 2 of 3, 1,000/s; the step before, 500/s, held.');
  });

  test('as many messages as fell due, where the load is no staircase', () => {
    const run = steadyRun(
      TALK,
      from(9, (sample) => {
        sample.latency.delivered = latencyOf(120);
      }),
    );
    expect(told(run)).toContain('500 messages/s fell due then.');
    expect(told(run)).not.toContain('step');
  });

  test('where in a ramp it was, which is no step', () => {
    const run = steadyRun(
      STEPS,
      from(9, (sample) => {
        sample.latency.delivered = latencyOf(120);
      }),
      ({ scenario }) => {
        const { phases } = scenario.resolved as { phases: Record<string, unknown>[] };
        for (const phase of phases) phase.messageRateTo = 4000;
      },
    );
    expect(told(run)).toMatch(/1,000 messages\/s fell due then, on the way from 1,000\/s to 4,000\/s\./);
    expect(told(run)).not.toContain('step');
  });
});

describe('what the scenario asked for is no trouble', () => {
  test('refusals that a gate demands', () => {
    const run = steadyRun(
      TALK,
      from(9, (sample) => {
        sample.messages.refused = 400;
      }),
      (record) => {
        record.gates = [{ expression: 'messages.refused >= 1000', value: 4800, passed: true }];
      },
    );
    expect(told(run)).toContain('Nothing gave way');
  });

  test('mailboxes that fill up for those who are away', () => {
    const { record, samples } = recordFixture();
    record.connections.failures = {};
    for (const sample of samples) Object.assign(sample.connections, { failed: 0, dropped: 0, failures: {} });
    expect(told({ record, samples })).not.toContain('mailboxes');
  });

  test('what follows one of its actions is told as that, and the rest as before', () => {
    const run = steadyRun(
      TALK,
      (sample, second) => {
        if (second === 10 || second === 11) {
          sample.connections.open = 400;
          sample.connections.dropped = second === 10 ? 600 : 0;
          sample.connections.failures = second === 10 ? { ECONNRESET: 600 } : {};
        }
        if (second === 18) sample.connections.dropped = 1;
      },
      (record) => {
        record.marks = [{ atSeconds: 9.5, label: 'kill-worker 0' }];
      },
    );
    const words = told(run).split('\n');
    expect(words[0]).toBe(
      'First to leave its normal range: connections at 18 s, in the phase talk: 1 dropped.',
    );
    expect(words).toContain('After kill-worker 0 at 9.5 s: connections: 600 dropped (ECONNRESET 600).');
  });

  test('alone: then nothing gave way by itself', () => {
    const run = steadyRun(
      TALK,
      (sample, second) => {
        if (second === 10) sample.connections.dropped = 600;
      },
      (record) => {
        record.marks = [{ atSeconds: 9.5, label: 'kill-worker 0' }];
      },
    );
    expect(told(run).split('\n')[0]).toBe('Nothing gave way but what followed the scenario’s own actions.');
  });
});

describe('no more is claimed than the record shows', () => {
  test('of a run without a timeline', () => {
    const { record } = steadyRun();
    expect(told({ record, samples: [] })).toContain(
      'The record holds no timeline, so nobody can say what gave way first.',
    );
  });

  test('of a gate that failed while every second looked as it should', () => {
    const { record, samples } = steadyRun(TALK, undefined, (each) => {
      failed(each);
      each.gates = [{ expression: 'messages.sent >= 80000', value: 9000, passed: false }];
    });
    expect(told({ record, samples })).toContain(
      'No second of the timeline shows what gave way; the gate messages.sent >= 80000 did not hold.',
    );
  });

  test('of a run in which nobody logged in', () => {
    const { record, samples } = silentFixture();
    record.connections.peak = 0;
    for (const sample of samples) Object.assign(sample.connections, { open: 0, failed: 0, dropped: 0 });
    expect(told({ record, samples })).toContain('Nobody logged in, so nothing was put to the test.');
  });

  test('of messages that were lost with no second to name', () => {
    const { record, samples } = steadyRun(TALK, undefined, (each) => {
      failed(each);
      each.messages.lost = 3;
    });
    expect(told({ record, samples }).split('\n')[0]).toBe(
      'Over the whole run, with no second that could be named: messages: 3 lost.',
    );
  });
});
