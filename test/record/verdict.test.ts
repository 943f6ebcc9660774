import { describe, expect, it } from 'vitest';
import type { Gate } from '../../record/gate.js';
import { type Measurement, runRecordSchema } from '../../record/run.js';
import { judge } from '../../record/verdict.js';
import { recordFixture } from '../fixtures/record.js';

function measurement(change: (measured: Measurement) => void = () => undefined): Measurement {
  const { gates: _gates, verdict: _verdict, ...figures } = recordFixture().record;
  const measured = { ...figures, isPartial: false };
  change(measured);
  return measured;
}

function gate(metric: string, operator: Gate['operator'], limit: number): Gate {
  return { expression: `${metric} ${operator} ${limit}`, metric, operator, limit };
}

describe('judging a run', () => {
  it('passes when every gate holds, and says each value', () => {
    const record = judge(measurement(), [
      gate('connections.peak', '>=', 4990),
      gate('messages.lost', '==', 0),
    ]);
    expect(record.verdict).toBe('passed');
    expect(record.gates).toEqual([
      { expression: 'connections.peak >= 4990', value: 4997, passed: true },
      { expression: 'messages.lost == 0', value: 0, passed: true },
    ]);
  });

  it('fails when one gate does not hold', () => {
    const record = judge(measurement(), [
      gate('connections.peak', '>=', 5000),
      gate('messages.lost', '==', 0),
    ]);
    expect(record.verdict).toBe('failed');
    expect(record.gates.map(({ passed }) => passed)).toEqual([false, true]);
  });

  it('passes a run without gates', () => {
    expect(judge(measurement(), []).verdict).toBe('passed');
  });

  it('fails where nothing arrived of what was sent, though nothing was lost: all was refused', () => {
    const refused = ({ messages }: Measurement): void => {
      messages.refused = messages.sent;
      messages.delivered = 0;
      messages.lost = 0;
    };
    const record = judge(measurement(refused), [gate('messages.lost', '==', 0)]);
    expect(record.verdict).toBe('failed');
    expect(record.gates[1]).toMatchObject({
      expression: 'messages.delivered > 0',
      passed: false,
      isImplied: true,
    });
    expect(judge(measurement(refused), [gate('messages.delivered', '>=', 0)]).verdict).toBe('passed');
  });

  it.each([
    ['<', 4998, 4997],
    ['<=', 4997, 4996],
    ['>', 4996, 4997],
    ['>=', 4997, 4998],
    ['==', 4997, 4996],
    ['!=', 4996, 4997],
  ] as const)('knows the operator %s', (operator, holds, fails) => {
    const record = judge(measurement(), [
      gate('connections.peak', operator, holds),
      gate('connections.peak', operator, fails),
    ]);
    expect(record.gates.map(({ passed }) => passed)).toEqual([true, false]);
  });

  it('fails a gate on a latency that was never recorded, and says so', () => {
    const measured = measurement(({ latency }) => {
      latency.delivered = { count: 0, min: null, p50: null, p90: null, p99: null, p999: null, max: null };
    });
    const record = judge(measured, [gate('latency.delivered.p99', '<', 250)]);
    expect(record.gates).toEqual([
      {
        expression: 'latency.delivered.p99 < 250',
        value: null,
        passed: false,
        note: 'no latency was recorded',
      },
    ]);
    expect(record.verdict).toBe('failed');
  });

  it('fails a gate on memory that was not measured', () => {
    const measured = measurement(({ memory }) => {
      memory.bytesPerConnection.total = null;
    });
    const [judged] = judge(measured, [gate('memory.bytesPerConnection.total', '<', 16_384)]).gates;
    expect(judged).toMatchObject({ value: null, passed: false, note: 'memory was not measured' });
  });

  it('takes a reason for failure that never came up as zero', () => {
    const record = judge(measurement(), [
      gate('connections.failures.ECONNREFUSED', '==', 0),
      gate('connections.failures.LoginTimeout', '==', 0),
    ]);
    expect(record.gates.map(({ value, passed }) => [value, passed])).toEqual([
      [0, true],
      [2, false],
    ]);
  });

  it('finds a queue by its name', () => {
    const [judged] = judge(measurement(), [gate('backlog.queues.outbound.max', '<', 1000)]).gates;
    expect(judged).toMatchObject({ value: 730, passed: true });
  });

  it('knows what became of media that were due, and of a record from before they were counted it does not', () => {
    const media = { count: 7, bytes: 70, failed: 0, latency: measurement().latency.accepted };
    const counted = { ...media, due: 7, unsent: 0 };
    const judged = (each: object) => {
      const measured = measurement();
      const figures = runRecordSchema.shape.media.parse({ uploads: each, downloads: each });
      return judge({ ...measured, media: figures }, [gate('media.uploads.unsent', '==', 0)]).gates[0];
    };
    expect(judged(counted)).toMatchObject({ value: 0, passed: true });
    expect(judged({ ...counted, unsent: 3 })).toMatchObject({ value: 3, passed: false });
    expect(judged(media)).toMatchObject({
      value: null,
      passed: false,
      note: expect.stringContaining('older than this figure'),
    });
  });

  it('finds no figure in what objects inherit', () => {
    const [judged] = judge(measurement(), [gate('messages.constructor.length', '>', 0)]).gates;
    expect(judged).toMatchObject({ value: null, passed: false, note: 'run.json holds no such figure' });
  });

  it('is invalid when the generator broke its lag limit, even if every gate held', () => {
    const measured = measurement(({ generator }) => {
      generator.valid = false;
    });
    expect(judge(measured, [gate('messages.lost', '==', 0)]).verdict).toBe('invalid');
  });

  it('is partial when the run was cut short, whatever else happened', () => {
    const measured = measurement((each) => {
      each.isPartial = true;
      each.generator.valid = false;
    });
    const record = judge(measured, [gate('messages.lost', '==', 1)]);
    expect(record.verdict).toBe('partial');
    expect(record).not.toHaveProperty('isPartial');
  });
});

describe('without a gate that asks for it', () => {
  it.each(['lost', 'duplicated', 'corrupted', 'heldBack'] as const)(
    'a run in which messages were %s fails',
    (name) => {
      const record = judge(
        measurement(({ messages }) => {
          messages[name] = 92;
        }),
        [],
      );
      expect(record.verdict).toBe('failed');
      expect(record.gates).toEqual([
        { expression: `messages.${name} == 0`, value: 92, passed: false, isImplied: true },
      ]);
    },
  );

  it('and passes where the scenario allows it', () => {
    const record = judge(
      measurement(({ messages }) => {
        messages.lost = 3;
      }),
      [gate('messages.lost', '<=', 5)],
    );
    expect(record.verdict).toBe('passed');
  });

  it('a run whose target died fails, also where it was cut short by that', () => {
    const died = measurement((measured) => {
      measured.target.died = 'the server ended with exit 1';
      measured.isPartial = true;
    });
    expect(judge(died, []).verdict).toBe('failed');
  });
});

describe('a run that lost an agent', () => {
  it('is invalid where that invalidates it, whatever its gates say, and failed or passed by them where it is tolerated', () => {
    const lossy = (valid: boolean): Measurement =>
      measurement((measured) => {
        measured.generator.valid = valid;
        measured.connections.unknown = 1000;
        measured.messages.unknown = 40;
      });
    expect(judge(lossy(false), [gate('messages.lost', '==', 0)]).verdict).toBe('invalid');
    expect(judge(lossy(true), [gate('messages.lost', '==', 0)]).verdict).toBe('passed');
    expect(judge(lossy(true), [gate('messages.unknown', '==', 0)]).verdict).toBe('failed');
    expect(judge(lossy(true), [gate('connections.unknown', '<=', 999)]).verdict).toBe('failed');
  });

  it('is not blamed for a message that nobody knows the end of', () => {
    const nothingKnown = (unknown: number): Measurement =>
      measurement(({ messages }) => {
        Object.assign(messages, { sent: 40, delivered: 0, lost: 0, unknown });
      });
    expect(judge(nothingKnown(40), []).verdict).toBe('passed');
    expect(judge(nothingKnown(39), []).verdict).toBe('failed');
  });
});

describe('gates on nothing', () => {
  it('on messages fail where none was sent, and say so', () => {
    const record = judge(
      measurement(({ messages }) => {
        for (const name of Object.keys(messages) as (keyof typeof messages)[]) messages[name] = 0;
      }),
      [gate('messages.lost', '==', 0), gate('messages.sent', '==', 0)],
    );
    expect(record.gates).toMatchObject([
      { passed: false, value: null, note: 'no message was sent' },
      { passed: true, value: 0 },
    ]);
    expect(record.verdict).toBe('failed');
  });

  it('on messages are not judged where the run was stopped before one was sent', () => {
    const record = judge(
      measurement((measured) => {
        measured.isPartial = true;
        const { messages } = measured;
        for (const name of Object.keys(messages) as (keyof typeof messages)[]) messages[name] = 0;
      }),
      [gate('messages.lost', '==', 0)],
    );
    expect(record.gates).toMatchObject([
      { passed: false, value: null, note: 'not judged: no message was sent until the run was stopped' },
    ]);
    expect(record.verdict).toBe('partial');
  });

  it('are not judged where nobody logged in', () => {
    const record = judge(
      measurement(({ connections }) => {
        connections.peak = 0;
      }),
      [gate('messages.lost', '==', 0), gate('connections.peak', '>=', 1)],
    );
    expect(record.gates).toMatchObject([
      { passed: false, value: null, note: 'not judged: nobody logged in' },
      { passed: false, value: 0 },
    ]);
  });
});

describe('where the generator was late itself', () => {
  const late = (change: (measured: Measurement) => void = () => undefined): Measurement =>
    measurement((measured) => {
      measured.latency.delivered.p99 = 120;
      measured.latency.deliveredSinceSent.p99 = 30;
      measured.latency.accepted.p99 = 120;
      measured.generator.lagMs = { p50: 1, p99: 90, p999: 95, max: 97 };
      change(measured);
    });

  it('a latency that would have held without its lag is undecided: neither passed nor failed', () => {
    const record = judge(late(), [gate('latency.delivered.p99', '<', 100)]);
    expect(record.gates).toMatchObject([{ passed: false, isUndecided: true, value: 120 }]);
    expect(record.gates[0]?.note).toContain('90 ms of it may be the lag of the generator');
    expect(record.verdict).toBe('invalid');
  });

  it('what a connection that the server dropped held back is no lag of the generator', () => {
    const measured = late(({ latency, generator }) => {
      latency.delivered.p99 = 10_000;
      latency.deliveredSinceSent.p99 = 20;
      generator.lagMs = { p50: 0.1, p99: 0.5, p999: 0.6, max: 0.7 };
    });
    expect(judge(measured, [gate('latency.delivered.p99', '<', 1000)]).verdict).toBe('failed');
  });

  it('one that would not have held either has failed', () => {
    expect(judge(late(), [gate('latency.accepted.p99', '<', 20)]).verdict).toBe('failed');
    expect(judge(late(), [gate('latency.accepted.p99', '<', 100)]).verdict).toBe('invalid');
  });

  it('what has nothing to do with it decides first', () => {
    const record = judge(
      late(({ messages }) => {
        messages.lost = 1;
      }),
      [gate('latency.delivered.p99', '<', 100)],
    );
    expect(record.verdict).toBe('failed');
  });

  it('so is a latency of media', () => {
    const measured = measurement((each) => {
      const latency = { ...each.latency.accepted, p99: 900 };
      const lagMs = { p50: 1, p99: 700, p999: 750, max: 800 };
      const uploads = { due: 10, count: 10, bytes: 10, failed: 0, unsent: 0, latency, lagMs };
      each.media = { uploads, downloads: uploads };
    });
    expect(judge(measured, [gate('media.uploads.latency.p99', '<', 500)]).verdict).toBe('invalid');
    expect(judge(measured, [gate('media.uploads.latency.p99', '<', 100)]).verdict).toBe('failed');
  });

  it('connects that it began late do not blame the server for their rate', () => {
    const measured = measurement(({ connections, generator, scenario }) => {
      connections.connectsPerSecond = 9000;
      generator.connectLagMs = { p50: 50, p99: 177, p999: 180, max: 181 };
      scenario.resolved = { clients: { connectRate: 20_000 } };
    });
    const record = judge(measured, [gate('connections.connectsPerSecond', '>=', 15_000)]);
    expect(record.gates).toMatchObject([{ passed: false, isUndecided: true }]);
    expect(record.gates[0]?.note).toContain('177 ms late');
    expect(record.verdict).toBe('invalid');
  });
});
