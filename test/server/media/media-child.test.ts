import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { parseServerConfig } from '../../../server/config.js';
import { MediaChild } from '../../../server/media/media-child.js';
import { testFolder } from '../../support/folder.js';
import { basic, nameOf, SECRET, upload } from '../../support/media.js';

const children: MediaChild[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.close()));
});

async function startChild(folder: string, heartbeatMs?: number): Promise<MediaChild> {
  const config = parseServerConfig({
    store: 'memory',
    token: SECRET,
    tokenPerUser: true,
    logLevel: 'silent',
    media: { port: 0, folder, keepFreeBytes: 0 },
  });
  const child = await MediaChild.start(config, pino({ level: 'silent' }), heartbeatMs);
  children.push(child);
  return child;
}

/** It is given the time to come back: it waits longer after every death. */
const POLL = { timeout: 20_000 };

describe('the media process', () => {
  test('that is killed again and again, also while it starts, comes back on its port, and tells until it does', async () => {
    const media = await startChild(join(testFolder(), 'media'));
    const content = randomBytes(1000);
    expect((await upload(media.url, content)).status).toBe(201);
    await expect.poll(() => media.stats.uploads, POLL).toBe(1);
    expect(media.problem).toBeNull();

    const killed = new Set<number>();
    while (killed.size < 4) {
      // Before it can have started: a new process is killed as soon as there is one.
      await expect.poll(() => media.pid !== undefined && !killed.has(media.pid), POLL).toBe(true);
      const pid = media.pid as number;
      process.kill(pid, 'SIGKILL');
      killed.add(pid);
      await expect.poll(() => media.problem, POLL).toMatch(/media process ended \(SIGKILL\)/);
    }

    await expect.poll(() => media.problem, POLL).toBeNull();
    const file = await fetch(`${media.url}/media/${nameOf(content)}`, {
      headers: { authorization: basic(1) },
    });
    expect(file.status).toBe(200);
    // What was counted before stays counted.
    await expect.poll(() => media.stats, POLL).toMatchObject({ files: 1, uploads: 1, downloads: 1 });
  }, 60_000);

  test('that hangs is noticed and started again', async () => {
    const media = await startChild(join(testFolder(), 'media'), 2000);
    process.kill(media.pid as number, 'SIGSTOP');
    await expect.poll(() => media.problem, POLL).toBe('the media process said nothing for 2 s');
    await expect.poll(() => media.problem, POLL).toBeNull();
  }, 60_000);

  test('that cannot start for a while says why, and starts once it can', async () => {
    const folder = join(testFolder(), 'media');
    const media = await startChild(folder);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'in the way');
    process.kill(media.pid as number, 'SIGKILL');
    await expect.poll(() => media.problem, POLL).toContain(folder);

    rmSync(folder);
    mkdirSync(folder);

    await expect.poll(() => media.problem, POLL).toBeNull();
  }, 60_000);

  test('that cannot start at first is told at once, with what is in the way', async () => {
    const folder = join(testFolder(), 'media');
    writeFileSync(folder, 'in the way');
    await expect(startChild(folder)).rejects.toThrow(folder);
  });
});
