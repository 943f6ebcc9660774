import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A driver of more files is looked through no further. */
const MOST_FILES = 30;
const LONGEST_CHECK_MS = 10_000;

/** `/chat/my-driver.js:3`, the line, and a mark beneath the place, or nothing beneath the end of the file. */
const SHOWN = /^(?<file>(?:file:\/\/)?(?:\/|[A-Za-z]:[\\/]).*?):(?<line>\d+)\n.*\n(?<blank>[ \t]*)(?:\^|$)/m;
const RELATIVE_IMPORT = /(?:from|import)\s*\(?\s*['"](?<path>\.{1,2}\/[^'"]+)['"]/g;

/**
 * Where a SyntaxError is that kept a file from being loaded, `/chat/my-driver.js:3:22`; undefined: it is not known. Of a module Node
 * tells that only to whoever checks its file alone, so this does, from the driver on through what it imports.
 */
export async function syntaxPlace(error: Error, file: string): Promise<string | undefined> {
  const shown = placeShownIn(error.stack ?? '');
  if (shown !== undefined) return shown;
  const files = [file];
  for (let index = 0; index < files.length && index < MOST_FILES; index += 1) {
    const each = files[index] as string;
    const place = placeShownIn(await checkedByNode(each));
    if (place !== undefined) return place;
    for (const imported of await importsOf(each)) if (!files.includes(imported)) files.push(imported);
  }
  return undefined;
}

function placeShownIn(text: string): string | undefined {
  const { file, line, blank = '' } = SHOWN.exec(text)?.groups ?? {};
  if (file === undefined) return undefined;
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  return `${path}:${line}:${blank.length + 1}`;
}

/** What Node says of a file that it does not run; empty: nothing is wrong with it. */
function checkedByNode(file: string): Promise<string> {
  return new Promise((done) => {
    execFile(process.execPath, ['--check', file], { timeout: LONGEST_CHECK_MS }, (_, _stdout, stderr) =>
      done(stderr),
    );
  });
}

async function importsOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return [...text.matchAll(RELATIVE_IMPORT)].map((found) => resolve(dirname(file), found.groups?.path ?? ''));
}
