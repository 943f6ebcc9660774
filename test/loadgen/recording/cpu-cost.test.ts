import { expect, test } from 'vitest';
import { CpuCost } from '../../../loadgen/recording/cpu-cost.js';
import { hostLoad } from '../../../loadgen/recording/host-load.js';
import { parseCpuTimes, parsePressure } from '../../../loadgen/recording/kernel-sampler.js';
import { reasonForNoFigure } from '../../../record/figure.js';
import type { TimelineSample } from '../../../record/timeline.js';

interface Second {
  seconds?: number;
  delivered: number;
  generator: number;
  server?: { cpu: number; seconds: number } | null;
}

function costOf(...lines: Second[]): ReturnType<CpuCost['summary']> {
  const cost = new CpuCost();
  for (const { seconds = 1, delivered, generator, server = null } of lines) {
    const line = { seconds, messages: { delivered }, generator: { cpu: generator }, server };
    cost.add(line as unknown as TimelineSample);
  }
  return cost.summary();
}

test('CPU a message is all CPU of the phases over the messages delivered, server and generator apart', () => {
  const server = { cpu: 0.6, seconds: 1 };
  expect(costOf({ delivered: 10_000, generator: 0.4, server })).toEqual({
    serverUsPerMessage: 60,
    generatorUsPerMessage: 40,
    serverCores: { mean: 0.6, peak: 0.6 },
    generatorCores: { mean: 0.4, peak: 0.4 },
  });
});

test('a second without an answer of the server is a gap, not a second without CPU', () => {
  const { serverCores, serverUsPerMessage } = costOf(
    { delivered: 1000, generator: 0.1, server: { cpu: 0.5, seconds: 1 } },
    { delivered: 1000, generator: 0.1, server: null },
    { delivered: 1000, generator: 0.1, server: { cpu: 0.5, seconds: 2 } },
  );
  expect([serverCores, serverUsPerMessage]).toEqual([{ mean: 0.5, peak: 0.5 }, 500]);
});

test('a line of several seconds counts for several', () => {
  const { generatorCores } = costOf(
    { seconds: 4, delivered: 1, generator: 1 },
    { seconds: 1, delivered: 1, generator: 0 },
  );
  expect(generatorCores).toEqual({ mean: 0.8, peak: 1 });
});

test('where nothing was delivered, or the server does not tell, there is no cost of a message', () => {
  expect(costOf({ delivered: 0, generator: 0.1, server: { cpu: 1, seconds: 1 } })).toMatchObject({
    serverUsPerMessage: null,
    generatorUsPerMessage: null,
  });
  expect(costOf({ delivered: 10, generator: 0.1 })).toMatchObject({
    serverUsPerMessage: null,
    serverCores: { mean: null, peak: null },
  });
  expect(costOf().generatorCores).toEqual({ mean: null, peak: null });
});

test('a few ticks of the kernel are too little CPU to tell what a message costs', () => {
  const cost = (cpu: number) => costOf({ delivered: 364, generator: cpu, server: { cpu, seconds: 1 } });
  expect(cost(0.012)).toEqual({
    serverUsPerMessage: null,
    generatorUsPerMessage: null,
    serverCores: { mean: 0.012, peak: 0.012 },
    generatorCores: { mean: 0.012, peak: 0.012 },
  });
  expect(cost(0.25).serverUsPerMessage).toBe(686.813);
  expect(reasonForNoFigure('cpu.serverUsPerMessage')).toContain('too little CPU to tell');
  expect(reasonForNoFigure('cpu.serverCores.mean')).not.toContain('too little');
});

test('steal and pressure are shares of the time of the run', () => {
  const at = (stealSeconds: number, pressure: TimelineSample['kernel']['pressure']) =>
    ({ busySeconds: 100, stealSeconds, pressure }) as TimelineSample['kernel'];
  const before = at(10, { cpu: 5, memory: 0, io: 1 });
  expect(hostLoad(before, at(12, { cpu: 10, memory: 0, io: 1.5 }), 20, 2)).toEqual({
    stealShare: 0.05,
    pressure: { cpu: 0.25, memory: 0, io: 0.025 },
  });
  expect(hostLoad(at(0, null), at(0, null), 20, 2).pressure).toEqual({ cpu: null, memory: null, io: null });
});

test('a host that tells nothing of itself is not one with nothing to tell', () => {
  const empty = { busySeconds: 0, stealSeconds: 0, pressure: null } as TimelineSample['kernel'];
  expect(hostLoad(empty, empty, 20, 2).stealShare).toBeNull();
});

test('steal is the eighth figure of /proc/stat, and pressure the total of the line “some”', () => {
  expect(parseCpuTimes('cpu  100 20 300 5000 60 7 80 250 0 0\ncpu0 1 2 3')).toEqual({
    busySeconds: 5.07,
    stealSeconds: 2.5,
  });
  expect(parseCpuTimes('')).toEqual({ busySeconds: 0, stealSeconds: 0 });
  const text =
    'some avg10=1.00 avg60=0.05 avg300=0.32 total=7162246\nfull avg10=0.00 avg60=0.00 avg300=0.19 total=5060900\n';
  expect(parsePressure(text)).toBe(7.162246);
  expect(parsePressure('')).toBeNull();
});
