import { type Dirent, promises as fs } from 'node:fs';
import { join } from 'node:path';
import { RECORD_FILES, RecordError } from '../record/folder.js';

/** `runs/matrix/cell/001` is three levels down. */
const DEEPEST = 4;
const MOST_FOLDERS = 20_000;
/** Each takes some tens of KiB of memory while they are browsed. */
export const MOST_RECORDS = 5000;

/** Folders that hold a record, below another one. */
export interface RecordFolders {
  /** Below that, with `/` between their names. */
  paths: string[];
  /** There are more than are looked at. */
  isCut: boolean;
}

/**
 * Finds the records below a folder, sets of them too. Links are not followed: where they lead to is not in the folder.
 * @throws Error where the folder itself cannot be read
 */
export async function findRecordFolders(root: string): Promise<RecordFolders> {
  const paths: string[] = [];
  let looked = 0;
  let isCut = false;
  let level = [''];
  const rootEntries = await fs.readdir(root, { withFileTypes: true });
  for (let depth = 0; depth <= DEEPEST && level.length > 0; depth += 1) {
    const below: string[] = [];
    for (const path of level) {
      if (looked >= MOST_FOLDERS || paths.length >= MOST_RECORDS) {
        isCut = true;
        break;
      }
      looked += 1;
      const entries = path === '' ? rootEntries : await entriesOf(join(root, path));
      if (isRecord(entries)) paths.push(path === '' ? '.' : path);
      else if (depth < DEEPEST)
        below.push(...foldersIn(entries).map((name) => (path === '' ? name : `${path}/${name}`)));
    }
    level = below;
  }
  return { paths, isCut };
}

/**
 * A link in the place of a file of a record leads out of the folder.
 * @throws RecordError
 */
export async function demandNoLinks(folder: string): Promise<void> {
  for (const file of [RECORD_FILES.run, RECORD_FILES.timeline, RECORD_FILES.latency]) {
    const found = await fs.lstat(join(folder, file)).catch(() => undefined);
    if (found?.isSymbolicLink())
      throw new RecordError(`${file} is a link, and links are not followed; put the file itself there`);
  }
}

/** What somebody has taken away meanwhile, or what this user may not read, has nothing in it. */
function entriesOf(folder: string): Promise<Dirent[]> {
  return fs.readdir(folder, { withFileTypes: true }).catch(() => []);
}

function isRecord(entries: readonly Dirent[]): boolean {
  return entries.some(
    (entry) => entry.isFile() && (entry.name === RECORD_FILES.run || entry.name === RECORD_FILES.timeline),
  );
}

/** The newest first, as names of folders begin with their date: of too many those are kept. */
function foldersIn(entries: readonly Dirent[]): string[] {
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort()
    .reverse();
}
