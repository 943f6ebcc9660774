import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { capacitySchema } from '../../record/capacity.js';
import { HostsLab, readRecord } from './lab.js';
import { describeHosts } from './rights.js';

describeHosts('a search for the capacity', () => {
  let lab: HostsLab;
  beforeAll(async () => {
    lab = await HostsLab.start({ one: {}, two: {} });
  });
  afterAll(() => lab?.close());

  test('takes the lent machines for every trial, and gives them back', async () => {
    const { file, folder } = await lab.write({ agents: { atLeast: 2 } });
    const { status, stdout, stderr } = await lab.c2m(
      ...['capacity', file, '--agents', lab.nats, '--out', folder, '--json'],
      ...['--find', 'messages.rate', '--until', 'latency.delivered.p99 < 1m', '--without-gates'],
      ...['--from', '50', '--max', '50/s', '--trial', '1s', '--confirm', '1s'],
    );
    expect(status, stderr).toBe(0);
    const [search] = capacitySchema.parse(JSON.parse(stdout)).searches;
    expect(search).toMatchObject({ end: 'most', holds: { level: 50, length: 'full' } });
    expect(search?.trials).toHaveLength(2);
    for (const { folder: trial } of search?.trials ?? []) {
      const record = await readRecord(join(folder, trial as string));
      const clientsOf = record?.hosts.map(({ name, agents }) => [
        name,
        agents.reduce((sum, { clients }) => sum + clients, 0),
      ]);
      expect(clientsOf).toEqual([
        ['one', 50],
        ['two', 50],
      ]);
    }
    await lab.whenFree('one', 'two');
  });
});
