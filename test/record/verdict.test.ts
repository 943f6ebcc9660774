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
