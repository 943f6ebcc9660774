import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** By then a browser has read it. */
const KEPT_MS = 30_000;

const OPENERS: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/**
 * Opens a page with a token in its address. What a program is started with every user of the machine can see, so the
 * browser is given a file that this user alone can read, and goes on from there.
 */
export async function openInBrowser(address: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-open-'));
  const file = join(folder, 'page.html');
  await writeFile(
    file,
    `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=${address}"><a href="${address}">Go on</a>\n`,
    { mode: 0o600 },
  );
  const [program, ...words] = OPENERS[process.platform] ?? ['xdg-open'];
  const child = spawn(program, [...words, pathToFileURL(file).href], { stdio: 'ignore', detached: true });
  child.on('error', ({ message }) => {
    process.stderr.write(`no browser could be opened (${message}); open the address yourself\n`);
  });
  child.unref();
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  setTimeout(remove, KEPT_MS).unref();
  process.once('beforeExit', remove);
}
