import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostsLab, recordIn } from './lab.js';
import { agentsOn } from './losses.js';
import { describeHosts } from './rights.js';

describeHosts('a machine behind a slow link', () => {
  let lab: HostsLab;
  beforeAll(async () => {
    lab = await HostsLab.start({ fast: {}, slow: {} });
    lab.machine('slow').host.slow('1mbit');
  });
  afterAll(() => lab?.close());

  test('the run is right, and the report tells which agent was slowest', async () => {
    const outcome = await lab.run({
      messages: { size: '1KiB' },
      phases: [{ name: 'talk', duration: '5s', rate: '80/s' }],
      agents: { hosts: 2 },
    });
    const record = recordIn(outcome);
    const { stdout, folder } = outcome;
    expect(record).toMatchObject({ verdict: 'passed', connections: { peak: 100 }, messages: { lost: 0 } });
    const [slow] = agentsOn(record, 'slow');
    const [fast] = agentsOn(record, 'fast');
    expect(slow?.sent).toBe(slow?.delivered);
    expect(fast?.sent).toBe(fast?.delivered);
    expect(stdout).toMatch(/slowest.*slow/);
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toMatch(/slowest/i);
  });
});
