import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { percentileCurves, readLatencyLog } from '../../reports/latency-log.js';
import { recordFixture, writeRecordFolder } from '../fixtures/record.js';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function recordFolder(fixture = recordFixture()): Promise<string> {
  const folder = await writeRecordFolder(fixture);
  folders.push(folder);
  return folder;
}

describe('latency.hlog', () => {
  it('adds up to the figures of the whole run', async () => {
    const fixture = recordFixture();
    const histograms = await readLatencyLog(await recordFolder(fixture));
    for (const kind of ['connect', 'accepted', 'delivered', 'receipt'] as const) {
      expect(histograms[kind]?.totalCount).toBe(fixture.record.latency[kind].count);
      expect((histograms[kind]?.getValueAtPercentile(99) ?? 0) / 1000).toBe(fixture.record.latency[kind].p99);
    }
  });

  it('may be missing, empty, or cut short within a line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'c2m-record-'));
    folders.push(folder);
    expect(await readLatencyLog(folder)).toEqual({});
    const { latencyLog } = recordFixture();
    const file = join(folder, 'latency.hlog');
    await writeFile(file, '');
    expect(await readLatencyLog(folder)).toEqual({});
    await writeFile(file, latencyLog.slice(0, -40));
    const cut = await readLatencyLog(folder);
    expect(cut.connect?.totalCount).toBeGreaterThan(0);
  });

  it('becomes curves that rise to the maximum and end where there are too few values', async () => {
    const histograms = await readLatencyLog(await recordFolder());
    const { positions, curves } = percentileCurves(histograms);
    const connect = curves.connect ?? [];
    expect(positions[0]).toBe(0);
    expect(positions.at(-1)).toBeCloseTo(Math.log10(28_063), 1);
    expect(connect).toHaveLength(positions.length);
    expect(connect.at(-1)).toBeNull();
    const recorded = connect.filter((value) => value !== null);
    expect(recorded).toEqual([...recorded].sort((one, other) => one - other));
    expect(recorded.at(-1)).toBe((histograms.connect?.maxValue ?? 0) / 1000);
    expect(curves.accepted?.at(-1)).toBe((histograms.accepted?.maxValue ?? 0) / 1000);
  });
});
