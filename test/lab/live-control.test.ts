import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { LiveControl } from '../../lab/live-control.js';
import { listenAtSocket } from '../../lab/live-control-socket.js';
import { findLocalRuns } from '../../lab/live-runs.js';
import { RunError } from '../../loadgen/run-error.js';
import { testFolder } from '../support/folder.js';

const children: ChildProcess[] = [];
const open: { close(): void }[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const each of open.splice(0)) each.close();
});

/** A run in the phase `talk`, whose rate can be changed to anything but 13/s. */
function runControl(name = 'chat'): LiveControl & { rates: number[] } {
  const rates: number[] = [];
  const control = new LiveControl(name);
  control.attach({
    on: (_, listener) => listener({ name: 'talk', durationMs: 1000 } as never),
    changeRate: (perSecond, by) => {
      if (perSecond === 13) throw new RunError('C2M_RUN', 'not that one');
      rates.push(perSecond);
      return `${perSecond}/s for ${by}`;
    },
  });
  return Object.assign(control, { rates });
}

async function listen(control: LiveControl, folders: string[]): Promise<{ notes: string[]; close(): void }> {
  const listening = await listenAtSocket(control, folders);
  open.push(listening);
  return listening;
}

/** Another process that listens as a run would; what it says comes from `says`. */
async function otherProcess(folder: string, says: string): Promise<{ child: ChildProcess; path: string }> {
  const script = `const net = require('node:net');
    const path = process.argv[1] + '/' + process.pid + '-0badcafe.sock';
    net.createServer((socket) => socket.write(process.argv[2])).listen(path, () => console.log(path));`;
  const child = spawn(process.execPath, ['-e', script, folder, says], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [path] = (await once(child.stdout as NonNullable<typeof child.stdout>, 'data')) as [Buffer];
  return { child, path: String(path).trim() };
}

/** What a socket says until it ends. */
async function exchange(path: string, text: string): Promise<string> {
  const socket = connect(path);
  let said = '';
  socket.setEncoding('utf8').on('data', (more: string) => {
    said += more;
    // The announcement, and an answer.
    if (said.split('\n').length > 2) socket.end();
  });
  socket.write(text);
  await once(socket, 'close');
  return said;
}

describe('a run on this machine', () => {
  test('is found by its user, says what it is, and does what it is asked for', async () => {
    const folder = join(testFolder(), 'c2m');
    const control = runControl();
    await listen(control, [folder]);
    const { runs, silent } = await findLocalRuns([folder]);
    expect(silent).toEqual([]);
    expect(runs.map(({ announcement }) => announcement)).toEqual([control.announce()]);
    expect(control.announce()).toMatchObject({ name: 'chat', phase: 'talk' });

    expect(await runs[0]?.ask({ kind: 'rate', perSecond: 5000, by: 'ann@box' })).toEqual({
      kind: 'done',
      words: '5000/s for ann@box',
    });
    expect(control.rates).toEqual([5000]);
    expect(await runs[0]?.ask({ kind: 'stop', by: 'ann@box', why: 'enough' })).toEqual({
      kind: 'done',
      words: 'chat ends now, and is recorded as partial',
    });
    expect(control.signal.aborted).toBe(true);
    expect(control.whyStopped).toBe('stopped with c2m stop by ann@box: enough');
  });

  test('says why where it does not', async () => {
    const folder = testFolder();
    await listen(runControl(), [folder]);
    const { runs } = await findLocalRuns([folder]);
    expect(await runs[0]?.ask({ kind: 'rate', perSecond: 13, by: 'ann' })).toEqual({
      kind: 'refused',
      why: 'not that one',
    });
  });

  test('is ended once, however often that is asked for', async () => {
    let stopped = 0;
    const control = new LiveControl('chat', () => {
      stopped += 1;
    });
    control.stop('ann', null);
    expect(control.stop('bob', 'me too')).toBe('chat is ending already');
    expect([stopped, control.whyStopped]).toEqual([1, 'stopped with c2m stop by ann']);
  });

  test('has no rate to change while its server is started', () => {
    expect(() => new LiveControl('chat').rate(5, 'ann')).toThrow('still being started');
  });

  test('listens where nobody else can', async () => {
    const folder = join(testFolder(), 'c2m');
    await mkdir(folder, { mode: 0o777 });
    await chmod(folder, 0o777);
    await listen(runControl(), [folder]);
    const [name = ''] = await readdir(folder);
    expect(name).toMatch(new RegExp(`^${process.pid}-[0-9a-f]{8}\\.sock$`));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  test('leaves nothing behind when it is over, and is not found any more', async () => {
    const folder = testFolder();
    (await listen(runControl(), [folder])).close();
    await expect.poll(() => readdir(folder)).toEqual([]);
    expect((await findLocalRuns([folder])).runs).toEqual([]);
  });

  test.each([
    ['no JSON', 'what?'],
    ['no request', '{"kind":"reboot"}'],
    ['a rate below nothing', '{"kind":"rate","perSecond":-1,"by":"ann"}'],
    ['a rate past every bound', '{"kind":"rate","perSecond":1e12,"by":"ann"}'],
    ['a request of nobody', '{"kind":"stop","why":null}'],
    ['a request with something that it does not know', '{"kind":"stop","by":"ann","why":null,"at":"noon"}'],
  ])('refuses %s and goes on', async (_, text) => {
    const folder = testFolder();
    const control = runControl();
    await listen(control, [folder]);
    const [name = ''] = await readdir(folder);
    const [, answer = ''] = (await exchange(join(folder, name), `${text}\n`)).split('\n');
    expect(JSON.parse(answer)).toMatchObject({ kind: 'refused' });
    expect([control.rates, control.signal.aborted]).toEqual([[], false]);
  });

  test('cuts off who sends a line without end', async () => {
    const folder = testFolder();
    const control = runControl();
    await listen(control, [folder]);
    const [name = ''] = await readdir(folder);
    const socket = connect(join(folder, name));
    // Cut off in the midst of it, its end of the socket is gone.
    socket.on('error', () => undefined).resume();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write('x'.repeat(100_000));
    await closed;
    expect((await findLocalRuns([folder])).runs).toHaveLength(1);
  });

  test('takes the next folder where one is not its own, and says so where there is none', async () => {
    const [place, second] = [testFolder(), testFolder()];
    const [link, file] = [join(place, 'link'), join(place, 'file')];
    await symlink(testFolder(), link);
    await writeFile(file, '');
    const long = join(place, 'x'.repeat(90));
    const { notes } = await listen(runControl(), [link, file, join(place, 'not', 'there'), long, second]);
    expect(notes).toEqual([]);
    expect((await findLocalRuns([link, file, second])).runs).toHaveLength(1);

    const [note = ''] = (await listen(runControl(), [link, long])).notes;
    expect(note).toContain('nobody could change this run while it went on');
    expect(note).toContain('link is not a folder of this user');
    expect(note).toContain('is too long a path for a socket');
  });
});

describe('whoever looks for runs', () => {
  test('removes what a killed run has left, and nothing else', async () => {
    const folder = testFolder();
    const { child, path } = await otherProcess(folder, '');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await writeFile(join(folder, 'notes.txt'), '');
    const alive = join(folder, `${process.pid}-0badcafe.sock`);
    await writeFile(alive, '');
    await listen(runControl(), [folder]);
    expect(await readdir(folder)).toContain(path.slice(folder.length + 1));

    expect((await findLocalRuns([folder])).runs).toHaveLength(1);
    expect((await readdir(folder)).filter((name) => name.includes('0badcafe'))).toEqual([
      alive.slice(folder.length + 1),
    ]);
    expect(await readdir(folder)).toContain('notes.txt');
  });

  test('names the processes that say nothing, and takes no other program for a run', async () => {
    const folder = testFolder();
    const mute = await otherProcess(folder, '');
    const other = await otherProcess(folder, 'SSH-2.0-OpenSSH_9.2\n');
    await listen(runControl(), [folder]);
    const { runs, silent } = await findLocalRuns([folder]);
    expect(runs).toHaveLength(1);
    expect(silent.sort()).toEqual([mute.child.pid, other.child.pid].sort());
  });
});
