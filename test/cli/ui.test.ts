import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { withLoneUi } from '../../cli/lone-ui.js';
import { runRecordSchema } from '../../record/run.js';
import { testFolder } from '../support/folder.js';
import { c2m, startC2m } from './c2m.js';

test('--ui takes what follows it for the scenario, and a port behind = alone', () => {
  expect(withLoneUi(['node', 'c2m', 'run', '--ui', 'chat'])).toEqual([
    'node',
    'c2m',
    'run',
    '--ui=0',
    'chat',
  ]);
  expect(withLoneUi(['node', 'c2m', 'run', '--ui=8800', 'chat'])).toContain('--ui=8800');
  expect(withLoneUi(['node', 'c2m', 'ui', '--ui'])).toContain('--ui');
});

describe('c2m run --ui', { timeout: 60_000 }, () => {
  test('ends with the run when nobody looks, and leaves stdout to --json', async () => {
    const { status, stdout, stderr } = await c2m(
      ...['run', '--ui', 'ci-smoke', '--json', '--out', join(testFolder(), 'run')],
      ...['--set', 'clients.count=20', '--set', 'target.embedded.workers=1', '--set', 'gates=[]'],
      ...['--set', 'phases=[{name: talk, duration: 1s, rate: 50/s}]', '--set', 'generator.lagLimit=1m'],
    );
    expect(status).toBe(0);
    expect(runRecordSchema.parse(JSON.parse(stdout)).verdict).toBe('passed');
    expect(stderr).toMatch(/^Live page {2}http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{12}\/\?token=[0-9a-f]{32}\n$/);
  });

  test('starts nothing where its port cannot be had', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const { status, stderr, stdout } = await c2m('run', `--ui=${port}`, 'ci-smoke', '--out', testFolder());
    taken.close();
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(
      `port ${port} of 127.0.0.1 cannot be had for the page (EADDRINUSE); name another one`,
    );
  });

  test.each(['--ui=http', '--ui=70000'])('%s is no port', async (option) => {
    const { status, stderr } = await c2m('run', option, 'ci-smoke', '--out', testFolder());
    expect(status).toBe(2);
    expect(stderr).toMatch(/^--ui: "\w+" is no port; write a number up to 65535, such as --ui=8800\n$/);
  });
});

describe('c2m ui', () => {
  test('says where the pages are, and ends with Ctrl-C', async () => {
    const folder = join(testFolder(), 'runs');
    await mkdir(folder);
    const ui = startC2m('ui', folder);
    const [, address] = await ui.said(/(http:\/\/127\.0\.0\.1:\d+\/\S+)\nCtrl-C ends this\.\n/);
    const entered = await fetch(address as string);
    expect(entered.status).toBe(200);
    ui.kill('SIGINT');
    expect((await ui.ended).status).toBe(0);
  });

  test('gives a browser the way in as a file in the home of its user, which alone can read it, and takes it away again', async () => {
    const [home, programs] = [testFolder(), testFolder()];
    const opened = join(home, 'opened');
    const browser = `#!/bin/sh\nfile="\${1#file://}"\nstat -c %a "$file" >'${opened}.part'\ncat "$file" >>'${opened}.part'\nmv '${opened}.part' '${opened}'\n`;
    await writeFile(join(programs, 'xdg-open'), browser, { mode: 0o755 });
    vi.stubEnv('HOME', home);
    vi.stubEnv('PATH', `${programs}:${process.env.PATH}`);
    const ui = startC2m('ui', 'docs', '--open');
    const [, address] = await ui.said(/(http:\/\/127\.0\.0\.1:\d+\/\S+)\n/);
    const words = await vi.waitFor(() => readFile(opened, 'utf8'), { timeout: 10_000 });
    expect(words).toMatch(/^600\n/);
    expect(words).toContain(`url=${address}"`);
    // Some browsers come in a snap, which has a /tmp of its own.
    expect((await readdir(home)).filter((name) => name.startsWith('c2m-open-'))).toHaveLength(1);
    ui.kill('SIGINT');
    await ui.ended;
    expect(await readdir(home)).toEqual(['opened']);
  });

  test.each([
    [['ui', 'nowhere'], 'nowhere is no folder; name one that holds records'],
    [['ui', 'docs', '--port', 'x'], '--port: "x" is no port; write a number up to 65535'],
  ])('%j ends with 2: %s', async (argv, message) => {
    const { status, stderr } = await c2m(...argv);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
