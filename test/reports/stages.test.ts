import { describe, expect, test } from 'vitest';
import { noTcp } from '../../record/tcp-counters.js';
import { stagesOf } from '../../reports/stages.js';
import { recordFixture } from '../fixtures/record.js';

type Fixture = ReturnType<typeof recordFixture>;

/** The stages of a record whose every second used so many cores, of two. */
function stagesWith(
  busyCores: number,
  change: (sample: Fixture['samples'][number]) => void = () => undefined,
) {
  const { record, samples } = recordFixture();
  for (const sample of samples) {
    sample.kernel.busySeconds = 1000 + sample.t * busyCores;
    change(sample);
  }
  return stagesOf(record, samples);
}

describe('the stages of a run', () => {
  test('are its phases, each with rates that add up to what happened', () => {
    const { record, samples } = recordFixture();
    const stages = stagesOf(record, samples);
    expect(stages.map(({ name }) => name)).toEqual(record.phases.map(({ name }) => name));
    const delivered = stages.reduce((sum, stage) => sum + stage.messagesPerSecond * stage.seconds, 0);
    expect(delivered).toBeCloseTo(
      samples.reduce((sum, { messages }) => sum + messages.delivered, 0),
      3,
    );
  });

  test('with cores to spare are bounded by the scenario alone', () => {
    for (const { bottleneck } of stagesWith(1.2)) expect(bottleneck).toBe('none: the scenario set the pace');
  });

  test('with no core to spare are bounded by the CPU, and say if others took it', () => {
    const own = stagesWith(1.95, (sample) => {
      if (sample.server) sample.server.cpu = 1.5;
      sample.generator.cpu = 0.4;
    });
    for (const { bottleneck } of own) expect(bottleneck).toBe('CPU');
    const others = stagesWith(1.95, (sample) => {
      if (sample.server) sample.server.cpu = 0.2;
      sample.generator.cpu = 0.1;
    });
    for (const { bottleneck } of others)
      expect(bottleneck).toBe('CPU, most of it taken by others on the host');
  });

  test('take a second in which the server told nothing for a gap, and not for one at rest', () => {
    const { record, samples } = recordFixture();
    samples.forEach((sample, index) => {
      if (index % 3 === 0) sample.server = null;
      else if (sample.server) sample.server.cpu = 0.8;
    });
    for (const { serverCores } of stagesOf(record, samples)) expect(serverCores ?? 0.8).toBeCloseTo(0.8, 9);
  });

  test('that leave hardly any memory are bounded by it', () => {
    const stages = stagesWith(1.95, (sample) => {
      sample.kernel.availableBytes = 1e9;
    });
    for (const { bottleneck } of stages) expect(bottleneck).toBe('memory');
  });

  test('of a target elsewhere have no bottleneck that this host could know', () => {
    const { record, samples } = recordFixture();
    record.target = { ...record.target, kind: 'external' };
    for (const { bottleneck, otherCores } of stagesOf(record, samples)) {
      expect([bottleneck, otherCores]).toEqual(['not known', null]);
    }
  });

  test('over packets count the packets and what was repeated', () => {
    const stages = stagesWith(1, (sample) => {
      sample.generator.tcp = { ...noTcp(), segmentsIn: 30, segmentsOut: 20, retransmissions: 5 };
    });
    for (const { packetsPerSecond, retransmissionsPerSecond } of stages) {
      expect(packetsPerSecond).toBeCloseTo(50, 0);
      expect(retransmissionsPerSecond).toBeCloseTo(5, 0);
    }
  });
});
