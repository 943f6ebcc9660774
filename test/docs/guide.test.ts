import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { scriptOf } from '../support/guide-pages.js';
import { startCommand } from '../support/running-command.js';
import { filesIn } from '../support/source-files.js';

const PAGES = filesIn('docs/guide', '.md').filter((file) => /\/\d\d-[^/]+\.md$/.test(file));

/** Pages that use what a page before them has made, in order; the others are done beside them, in folders of their own. */
const CHAINS = [
  ['01', '02'],
  ['03', '06'],
  ['04', '05'],
  ['07', '08'],
];

/** The address of the first machine on the page about two. */
const FIRST_MACHINE = '192.168.1.10';

/**
 * A network of its own for each page, which has that address and all ports: with rights of root, or as a user who may be root in
 * there. Undefined: this system gives nobody one.
 */
const networkOfItsOwn = [
  ['unshare', '--net'],
  ['unshare', '--net', '--map-root-user'],
].find(([program = '', ...flags]) => spawnSync(program, [...flags, 'true']).status === 0);

/** What is done in there before the page. */
const NETWORK = `ip link set lo up && ip address add ${FIRST_MACHINE}/32 dev lo`;

const folders: string[] = [];
/** Pages under way: groups of processes. */
const running = new Set<number>();
afterAll(() => {
  for (const group of running) endGroup(group);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const title = networkOfItsOwn
  ? 'every command of the guide does what the guide says'
  : 'the commands of the guide: skipped, because `unshare --net` gives nobody a network here';

describe.skipIf(!networkOfItsOwn)(title, () => {
  test('each page has its place among those that are run', () => {
    expect(CHAINS.flat().sort()).toEqual(PAGES.map((page) => basename(page).slice(0, 2)));
  });

  describe.concurrent('page by page', () => {
    test.each(CHAINS.map((chain) => [chain]))(
      '%j',
      async (chain) => {
        const folder = mkdtempSync(join(tmpdir(), 'c2m-guide-'));
        folders.push(folder);
        for (const number of chain)
          await runPage(PAGES.find((page) => basename(page).startsWith(number)) ?? '', folder);
      },
      240_000,
    );
  });
});

async function runPage(page: string, folder: string): Promise<void> {
  const [program = '', ...flags] = networkOfItsOwn ?? [];
  const script = `${NETWORK}\n${scriptOf(page)}`;
  const command = startCommand(program, [...flags, 'bash', '-c', script], {
    cwd: folder,
    // Where CI runs this, its summary is not of these runs.
    environment: {
      ...process.env,
      GITHUB_ACTIONS: undefined,
      GITHUB_STEP_SUMMARY: undefined,
      CHECKOUT: resolve('.'),
    },
    detached: true,
  });
  running.add(command.pid);
  const { status, stdout, stderr } = await command.ended;
  running.delete(command.pid);
  // What a page starts in the background is meant to go on; here it ends with the page.
  endGroup(command.pid);
  expect(status, `${page}\n${stdout}\n${stderr}`).toBe(0);
}

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    // Nobody of it is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
