import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Stand, scriptOf } from '../support/guide-pages.js';
import { startCommand } from '../support/running-command.js';
import { filesIn } from '../support/source-files.js';

const PAGES = filesIn('docs/guide', '.md').filter((file) => /\/\d\d-[^/]+\.md$/.test(file));

const folder = mkdtempSync(join(tmpdir(), 'c2m-guide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Ports that are free now, in place of those that the pages show. */
async function freePorts(shown: string[]): Promise<Stand> {
  const servers = await Promise.all(
    shown.map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => String((server.address() as AddressInfo).port));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return Object.fromEntries(shown.map((port, index) => [port, ports[index] ?? '']));
}

// In order, and in one folder, as a reader does: a page uses what the one before has made.
describe('every command of the guide does what the guide says', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = {
      '192.168.1.10': '127.0.0.1',
      '0.0.0.0': '127.0.0.1',
      ...(await freePorts(['8080', '8081', '4222', '4000'])),
    };
  });

  test.each(PAGES.map((page) => [basename(page), page]))(
    '%s',
    async (_, page) => {
      const command = startCommand('bash', ['-c', scriptOf(page, stand)], {
        cwd: folder,
        environment: { ...process.env, CHECKOUT: resolve('.'), npm_config_offline: 'true' },
        detached: true,
      });
      const { status, stdout, stderr } = await command.ended;
      expect(status, `${stdout}\n${stderr}`).toBe(0);
    },
    120_000,
  );
});
