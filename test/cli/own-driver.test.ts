import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runRecordSchema } from '../../record/run.js';
import { exampleServer } from '../support/example-server.js';
import { testFolder } from '../support/folder.js';
import { c2mHere } from './c2m.js';

describe('the examples of drivers of your own', () => {
  test.each([
    ['own-codec', 'tcp', 'lines'],
    ['own-adapter', 'ws', 'lines over ws'],
  ] as const)('%s runs against its server, and every gate holds', async (example, scheme, name) => {
    const address = (await exampleServer())[scheme];
    const { status, stdout, stderr } = await c2mHere(
      ...[
        'run',
        `examples/${example}/scenario.yaml`,
        '--trust',
        '--json',
        '--out',
        join(testFolder(), 'record'),
      ],
      ...[
        '--set',
        `target.addresses=[${address}]`,
        '--set',
        'clients.count=100',
        '--set',
        'phases.talk.duration=1s',
      ],
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const record = runRecordSchema.parse(JSON.parse(stdout));
    expect(record.target.driver).toMatchObject({ name, promises: { accepted: true, receipt: false } });
    expect(record.messages.sent).toBeGreaterThan(500);
    expect(record.messages).toMatchObject({ lost: 0, accepted: record.messages.sent, receipted: null });
    expect(record.notes).toEqual([]);
  });

  test('run no code without --trust, and their gates are held against what they promise', async () => {
    const run = ['run', 'examples/own-codec/scenario.yaml'];
    const untrusted = await c2mHere(...run);
    expect(untrusted.stderr).toContain(
      'target.driver: runs the code in "./lines-driver.js" with the rights of this user; give --trust',
    );
    expect(untrusted.status).toBe(2);
    const untold = await c2mHere(...run, '--trust', '--set', 'gates=["messages.receipted > 0"]');
    expect(untold.stderr).toContain(
      'lines cannot tell the sender that its message has arrived; leave the gate out',
    );
    expect(untold.status).toBe(2);
    const carried = await c2mHere(...run, '--trust', '--set', 'target.addresses=["ws://127.0.0.1:7001"]');
    expect(carried.stderr).toContain('lines is not carried by ws; write tcp, tls');
    expect(carried.status).toBe(2);
  });
});

describe("a driver of somebody's own", () => {
  const scenario = (driver: string): string => `name: mine
target: { addresses: ["tcp://127.0.0.1:9"], driver: ${driver} }
clients: { count: 10 }
phases: [{ name: talk, duration: 1s }]
`;

  test('that is no file, or cannot be loaded, is told with its line or its name', async () => {
    const folder = testFolder();
    const file = join(folder, 'mine.yaml');
    await writeFile(file, scenario('./not-there.js'));
    const missing = await c2mHere('run', file, '--trust');
    expect(missing.stderr).toMatch(
      /mine\.yaml:2 target\.driver: .*not-there\.js is no file; write a path from the scenario’s folder/,
    );
    expect(missing.status).toBe(2);
    await writeFile(join(folder, 'broken.js'), 'export const driver = {};');
    await writeFile(file, scenario('{ own: { file: broken.js, settings: { a: 1 } } }'));
    const broken = await c2mHere('run', file, '--trust');
    expect(broken.stderr).toMatch(/target\.driver: .*broken\.js: driver has no create/);
    expect(broken.status).toBe(2);
  });

  test('is not run by the doctor either, unless it is trusted', async () => {
    const folder = testFolder();
    await copyFile('examples/own-codec/lines-driver.js', join(folder, 'lines-driver.mjs'));
    const file = join(folder, 'mine.yaml');
    await writeFile(file, scenario('./lines-driver.mjs'));
    const untrusted = await c2mHere('doctor', file);
    expect(untrusted.stderr).toContain('runs the code in "./lines-driver.mjs"');
    expect(untrusted.status).toBe(2);
    expect((await c2mHere('doctor', file, '--trust', '--json')).status).toBe(0);
  });
});
