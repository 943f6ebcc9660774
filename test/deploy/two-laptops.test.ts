import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RunRecord } from '../../record/run.js';
import { Network } from '../hosts/network.js';
import { describeHosts } from '../hosts/rights.js';
import { testFolder } from '../support/folder.js';
import { blocksUnder } from '../support/markdown-blocks.js';
import type { RunningCommand } from '../support/running-command.js';
import { Laptop } from './laptops.js';

/** What a program in the background says once it is there. */
const IS_THERE = /Server is ready|listening|lends /;
/** What this machine has to do besides must not make a run invalid. */
const PATIENT = '--set generator.lagLimit=30s --set clients.connectTimeout=60s';
/** What is said on the way there is not what the steps are about. */
const SHORT = '--set phases.talk.duration=1s --set phases.talk.rate=100/s';

function scenarioOfGuide(markdown: string): string {
  const block = blocksUnder(markdown, 'Two laptops').find(({ file }) => file === 'mine.yaml');
  return block?.text ?? '';
}

describeHosts('two laptops', () => {
  let network: Network;
  let first: Laptop;
  let second: Laptop;

  beforeEach(() => {
    network = new Network();
    const folder = testFolder();
    first = new Laptop(network.host('first'), folder);
    second = new Laptop(network.host('second'), folder);
  });

  afterEach(() => network.clean());

  /** Until all of the programs in the background that a text starts are there. */
  async function started(command: RunningCommand): Promise<void> {
    await vi.waitFor(() => expect(command.words()).toMatch(IS_THERE), { timeout: 90_000, interval: 50 });
  }

  function recordOf(laptop: Laptop, name: string): RunRecord {
    return JSON.parse(readFileSync(join(laptop.folder, name, 'run.json'), 'utf8'));
  }

  test('the steps of docs/machines.md lead to a run whose clients are on the other laptop', async () => {
    const blocks = blocksUnder(readFileSync('docs/machines.md', 'utf8'), 'Two laptops');
    let ran = '';
    for (const { language, file, text } of blocks) {
      const here = text.replaceAll('192.168.1.10', first.host.address);
      if (/\.(conf|yaml)$/.test(file)) first.write(file, here);
      if (language !== 'sh' || file === '') continue;
      const laptop = file === 'first' ? first : second;
      const command = laptop.type(here.replace('c2m run mine.yaml', `c2m run mine.yaml ${PATIENT} ${SHORT}`));
      if (/&$/m.test(here)) {
        await started(command);
        continue;
      }
      const { status, stdout, stderr } = await command.ended;
      expect(stderr + stdout).toContain('PASSED');
      expect(status).toBe(0);
      ran = stdout;
    }
    expect(ran).toContain('none: it is free');
    const { verdict, messages, connections } = recordOf(first, 'runs/mine');
    expect({ verdict, lost: messages.lost, peak: connections.peak }).toEqual({
      verdict: 'passed',
      lost: 0,
      peak: 2000,
    });
  }, 300_000);

  test('machines that may do no more than the guide lets users do are run on', async () => {
    const markdown = readFileSync('docs/machines.md', 'utf8');
    const config = blocksUnder(markdown, 'NATS: who may come in').find(({ file }) => file === 'users.conf');
    first.write('nats.conf', config?.text ?? '');
    first.write('token.txt', 'sixteen-letters-or-more');
    await started(first.type('nats-server --config nats.conf &'));
    const listen = '--listen tcp://0.0.0.0:4000 --token-file token.txt --store memory --admin off';
    await started(first.type(`c2m serve ${listen} &`));
    const nats = `--nats nats://${first.host.address}:4222`;
    const machine = '--nats-user agent --nats-password staple-of-another-horse';
    await started(second.type(`c2m agent ${nats} ${machine} --allow ${first.host.address} &`));
    first.write('mine.yaml', scenarioOfGuide(markdown).replaceAll('192.168.1.10', first.host.address));

    // A machine that asks is not heard, and who says nothing of himself is not let in.
    const asks = await second.type(`c2m agents ${nats} ${machine} --wait 0.5`).ended;
    expect({ status: asks.status, said: asks.stderr }).toEqual({
      status: 1,
      said: expect.stringContaining('no machine has answered'),
    });
    const stranger = await second.type(`c2m agents ${nats}`).ended;
    expect(stranger.stderr).toMatch(/wants to know who this is/);

    const small = `${PATIENT} --set clients.count=50 --set phases.talk.duration=1s --set 'gates=["messages.lost == 0"]'`;
    const coordinator = '--nats-user coordinator --nats-password correct-horse-battery';
    const run = first.type(
      `c2m run mine.yaml --agents nats://${first.host.address}:4222 ${coordinator} ${small} --out record`,
    );
    const { status, stdout, stderr } = await run.ended;
    expect(stderr + stdout).toContain('PASSED');
    expect(status).toBe(0);
    expect(recordOf(first, 'record').messages.sent).toBeGreaterThan(0);
  }, 300_000);

  test('the script starts NATS and the server, says what to type on the other laptop, and ends all that it started', async () => {
    const small =
      '--set clients.count=50 --set phases.talk.duration=1s --set "gates=[\'messages.lost == 0\']"';
    const script = first.type(
      `C2M_ADDRESS=${first.host.address} sh "${resolve('deploy/two-laptops.sh')}" ${PATIENT} ${small} --out record`,
    );
    const [, line = ''] = await script.said(/^ +(C2M_NATS_PASSWORD=\S+ npx c2m agent .*)$/m);
    expect(line).toContain(`--allow ${first.host.address}`);
    const agent = second.type(line);

    const { status, stdout, stderr } = await script.ended;
    expect(stderr + stdout).toContain('PASSED');
    expect(status).toBe(0);
    expect(recordOf(first, 'record').messages.sent).toBeGreaterThan(0);
    expect(first.host.run('ss', '-Htln')).toBe('');
    agent.kill('SIGTERM');
  }, 300_000);
});
