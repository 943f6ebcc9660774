import { describe, expect, it } from 'vitest';
import { rejudge } from '../../record/rejudge.js';
import { recordFixture } from '../fixtures/record.js';

describe('judging a record again', () => {
  it('comes to the same verdict from the same figures', () => {
    const { record } = recordFixture();
    expect(rejudge(record)).toEqual(record);
  });

  it('goes by the figures and not by what the record says of its gates', () => {
    const { record } = recordFixture((each) => {
      each.messages.lost = 3;
    });
    const judged = rejudge(record);
    expect(judged.verdict).toBe('failed');
    expect(judged.gates[1]).toEqual({ expression: 'messages.lost == 0', value: 3, passed: false });
  });

  it('leaves what was cut short partial', () => {
    const { record } = recordFixture((each) => {
      each.verdict = 'partial';
    });
    expect(rejudge(record).verdict).toBe('partial');
  });

  it('says which expression it does not understand', () => {
    const { record } = recordFixture((each) => {
      each.gates = [{ expression: 'latency.p99 < 1s', value: 1, passed: true }];
    });
    expect(() => rejudge(record)).toThrow(/latency\.p99/);
  });
});
