import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, describe, expect, test } from 'vitest';
import { demandNatsServer } from '../../../lab/cluster/nats-program.js';
import { NatsServers } from '../../../lab/cluster/nats-servers.js';
import { readProcesses } from '../../../loadgen/process-table.js';
import { connectNats } from '../../../nats/connect.js';
import { isAlive } from '../../support/commands.js';
import { testFolder } from '../../support/folder.js';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function start(count: number, messageBytes = 0) {
  const folder = testFolder();
  const nats = await NatsServers.start(count, folder, messageBytes);
  open.push(() => nats.close());
  const connection = await connectNats({ servers: nats.urls }, 'test');
  open.push(() => connection.close());
  return { nats, folder, connection, manager: await jetstreamManager(connection) };
}

/** Once a majority is there again; until then what is asked fails. */
async function publish(manager: Awaited<ReturnType<typeof start>>['manager'], text: string): Promise<void> {
  await expect
    .poll(
      () =>
        manager
          .jetstream()
          .publish('log.1', text)
          .then(
            () => 'kept',
            (error: Error) => error.message,
          ),
      { timeout: 40_000 },
    )
    .toBe('kept');
}

describe('servers of NATS that the lab starts', () => {
  test('take messages as large as they have to be, and no less than any other does', async () => {
    expect((await start(1)).connection.info?.max_payload).toBe(1_048_576);
    expect((await start(1, 17_000_000)).connection.info?.max_payload).toBe(17_000_000);
  });

  test('are a cluster that keeps a log although one of them is killed, and takes it back', async () => {
    const { nats, manager } = await start(3);
    await manager.streams.add({ name: 'LOG', subjects: ['log.*'], num_replicas: 3 });
    await publish(manager, 'before');

    const [first] = nats.all;
    await first?.kill();
    expect(nats.all.map(({ isThere }) => isThere)).toEqual([false, true, true]);
    await publish(manager, 'without it');

    first?.start();
    await first?.ready();
    await publish(manager, 'with it');
    const { state } = await manager.streams.info('LOG');
    expect(state.messages).toBeGreaterThanOrEqual(3);
  }, 120_000);

  test('are one where one is wanted, and it takes more of a stream than the disk could hold', async () => {
    const { nats, manager } = await start(1);
    expect(nats.urls).toHaveLength(1);
    for (const home of Array.from({ length: 8 }, (_, index) => index))
      await manager.streams.add({ name: `HOME-${home}`, subjects: [`home.${home}`], max_bytes: 2 ** 36 });
    expect(await manager.streams.names().next()).toHaveLength(8);
  });

  test('tell of one that ends by itself, and say nothing of one that was killed on purpose', async () => {
    const { nats } = await start(1);
    const [only] = nats.all;
    await only?.kill();
    only?.start();
    await only?.ready();
    const died = nats.died;
    process.kill(pidOf(nats.urls[0] ?? ''), 'SIGTERM');
    expect(await died).toMatch(/^nats-1 ended \(/);
  });

  test('go with the lab, also where that is killed', async () => {
    const folder = testFolder();
    const module = resolve('dist/lab/cluster/nats-servers.js');
    const script = `
      import { NatsServers } from ${JSON.stringify(module)};
      const nats = await NatsServers.start(1, ${JSON.stringify(folder)});
      console.log(nats.urls[0]);
      setInterval(() => undefined, 1000);`;
    const lab = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    open.push(async () => lab.kill('SIGKILL'));
    const [said] = (await once(lab.stdout, 'data')) as [Buffer];
    const pid = pidOf(said.toString().trim());
    expect(isAlive(pid)).toBe(true);
    lab.kill('SIGKILL');
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test('leave nothing behind', async () => {
    const { nats, folder } = await start(3);
    await open.pop()?.();
    await open.pop()?.();
    rmSync(folder, { recursive: true });
    expect(existsSync(folder)).toBe(false);
    await expect(connectNats({ servers: nats.urls }, 'test')).rejects.toThrow(/nobody listens/);
  });
});

test('where there is no nats-server, what to install is told before anything is started', () => {
  expect(() => demandNatsServer(testFolder())).toThrow(
    /^target\.embedded\.cluster: there is no program nats-server .*; install it \(Debian: sudo apt-get install nats-server/,
  );
});

/** Of the process whose configuration has that port. */
function pidOf(url: string): number {
  const { port } = new URL(url);
  const found = readProcesses().find(({ pid }) => {
    try {
      const [program = '', , file = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return program.endsWith('nats-server') && readFileSync(file, 'utf8').includes(`:${port}"`);
    } catch {
      // It has ended meanwhile, or is somebody else's.
      return false;
    }
  });
  // A signal to 0 would go to all of this group.
  if (!found) throw new Error(`nobody runs a nats-server at ${url}`);
  return found.pid;
}
