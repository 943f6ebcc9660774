import { expect, test } from 'vitest';
import { ServerCpuMeter } from '../../../loadgen/recording/server-cpu.js';
import { serverStats } from '../../fixtures/server-stats.js';

test('the CPU of a server is over the time between its own readings, not between the answers', () => {
  const meter = new ServerCpuMeter();
  expect(meter.read(serverStats([{ cpuSeconds: 10, atMs: 1000 }]), 500)).toBeNull();
  // 0.55 s of CPU in a second; the answers came 94 ms apart.
  const cpu = meter.read(serverStats([{ cpuSeconds: 10.55, atMs: 2000 }]), 594);
  expect(cpu?.cores).toBeCloseTo(0.55, 9);
  expect(cpu?.seconds).toBe(0.094);
});

test('the processes of a server add up, each over its own time', () => {
  const meter = new ServerCpuMeter();
  const at = (one: [number, number], other: [number, number]) =>
    serverStats([one, other].map(([cpuSeconds, atMs]) => ({ cpuSeconds, atMs })));
  meter.read(at([1, 1000], [5, 1100]), 1200);
  // One was stalled and told of four seconds, the other of one.
  expect(meter.read(at([3, 5000], [5.25, 2100]), 5200)?.cores).toBe(0.75);
  // It has nothing new to tell, and goes on as before.
  expect(meter.read(at([3, 5000], [5.5, 3100]), 6200)?.cores).toBe(0.75);
});

test('a server that was started again has used what it has since its start', () => {
  const meter = new ServerCpuMeter();
  meter.read(serverStats([{ cpuSeconds: 100, atMs: 9000 }]), 9000);
  meter.restart();
  const first = serverStats([{ cpuSeconds: 0.5, atMs: 11_000 }], { startedAtMs: 10_000 });
  expect(meter.read(first, 11_000)).toBeNull();
  const second = serverStats([{ cpuSeconds: 0.75, atMs: 12_000 }], { startedAtMs: 10_000 });
  expect(meter.read(second, 12_000)?.cores).toBe(0.25);
});

test('a server that does not tell when it looked is taken to have looked when it answered', () => {
  const meter = new ServerCpuMeter();
  meter.read(serverStats([{ cpuSeconds: 1 }]), 1000);
  expect(meter.read(serverStats([{ cpuSeconds: 2 }]), 3000)).toEqual({ cores: 0.5, seconds: 2 });
});
