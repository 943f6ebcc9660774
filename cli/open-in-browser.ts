import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** By then a browser has read it. */
const KEPT_MS = 30_000;

const FOLDER = 'c2m-open-';

const OPENERS: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/**
 * Opens a page with a token in its address. What a program is started with every user of the machine can see, so the
 * browser is given a file that this user alone can read, and goes on from there.
 */
export async function openInBrowser(address: string): Promise<void> {
  const folder = await ownFolder();
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
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  setTimeout(remove, KEPT_MS).unref();
  process.once('exit', remove);
}

/** For this user alone. A browser in a snap (that of Ubuntu) has a /tmp of its own, and sees what is in the home but for hidden files. */
async function ownFolder(): Promise<string> {
  const inTemporary = (): Promise<string> => mkdtemp(join(tmpdir(), FOLDER));
  return process.platform === 'linux' ? mkdtemp(join(homedir(), FOLDER)).catch(inTemporary) : inTemporary();
}
