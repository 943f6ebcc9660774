import { spawnSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { ip } from './ip.js';
import { Network } from './network.js';
import { describeHosts, missingForClocks } from './rights.js';

const NOW = 'process.stdout.write(String(process.hrtime.bigint() / 1000000n))';
const LISTEN = `require('net').createServer((s) => s.pipe(s)).listen(7, '0.0.0.0', () => console.log('listening'))`;

/** Sends so many bytes there and waits until they have come back. */
const echo = (address: string, bytes: number): string =>
  `const s = require('net').connect(7, '${address}', () => s.write(Buffer.alloc(${bytes})));
   let left = ${bytes}; const from = Date.now();
   s.on('data', (d) => { left -= d.length; if (left === 0) { console.log(Date.now() - from); process.exit(); } });`;

describeHosts('hosts of a network', () => {
  let network: Network;
  afterEach(() => network.clean());

  test('reach each other by their addresses, but not while a cable is out, and slowly over a slow link', async () => {
    network = new Network();
    const [one, two] = [network.host('one'), network.host('two')];
    const listener = one.start([process.execPath, '-e', LISTEN]);
    await listener.said(/listening/);
    const exchange = (bytes: number) => two.start([process.execPath, '-e', echo(one.address, bytes)]);

    expect(Number((await exchange(100_000).ended).stdout)).toBeLessThan(1000);
    expect(one.connectionsTo(7)).toBe(0);

    two.cut();
    const waiting = exchange(1000);
    await expect.poll(() => two.run('ss', '-Htn', 'state', 'syn-sent')).toContain(`${one.address}:7`);
    expect(waiting.words()).toBe('');
    two.join();
    expect((await waiting.ended).stdout).toMatch(/^\d+\n$/);

    two.slow('1mbit');
    expect(Number((await exchange(100_000).ended).stdout)).toBeGreaterThan(500);
  });

  test.skipIf(missingForClocks !== null)(
    `have clocks of their own${missingForClocks === null ? '' : `: skipped, because ${missingForClocks}`}`,
    async () => {
      network = new Network();
      const [one, two] = [network.host('one'), network.host('two', { clockAheadSeconds: 5000 })];
      const [here, there] = [one, two].map((host) => host.start([process.execPath, '-e', NOW]).ended);
      const aheadMs = Number((await there)?.stdout) - Number((await here)?.stdout);
      expect(aheadMs / 1000).toBeCloseTo(5000, -1);
    },
  );

  test('are gone with all that ran on them; those of a test that was killed are taken away by the next', async () => {
    const { pid: dead } = spawnSync('true');
    ip('netns', 'add', `c2mhosts-${dead}-1-one`);
    network = new Network();
    const command = network.host('one').start(['sleep', '60']);
    network.clean();
    expect((await command.ended).status).toBeNull();
    expect(ip('netns', 'list')).not.toMatch(new RegExp(`c2mhosts-(${dead}|${process.pid})-`));
  });
});
