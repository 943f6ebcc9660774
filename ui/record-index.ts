import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { catalogueFigures } from '../record/catalogue-figures.js';
import { RECORD_FILES, readRunRecord } from '../record/folder.js';
import type { ListedRun } from '../reports/browse/listed-run.js';
import { FigureStore } from './figure-store.js';
import { demandNoLinks, findRecordFolders, MOST_RECORDS } from './record-folders.js';

/** Of one record; a server with a thousand queues has more. */
const MOST_FIGURES = 2000;
/** Of a name or a reason. */
const LONGEST_WORDS = 300;
/** A list that was made so long ago is as good as new. */
const FRESH_MS = 2000;
/** Folders, for whether they have changed. */
const LOOKED_AT_ONCE = 32;
/** A page waits no longer for records to be read; it says how far that is. */
const PATIENCE_MS = 1500;

/** A record with what its files were like when it was read. */
interface Entry {
  run: ListedRun;
  stamp: string;
}

/** The records below a folder, read once each, and again where they have changed. */
export class RecordIndex {
  readonly #root: string;
  readonly #figures = new FigureStore();
  #entries = new Map<string, Entry>();
  #found = 0;
  #isCut = false;
  #refreshing: Promise<void> | undefined;
  #refreshedMs = Number.NEGATIVE_INFINITY;

  constructor(root: string) {
    this.#root = root;
  }

  get runs(): ListedRun[] {
    return [...this.#entries.values()].map(({ run }) => run);
  }

  /** Paths of figures that any record has. */
  get metrics(): string[] {
    return this.#figures.paths;
  }

  get progress(): { read: number; found: number } {
    return { read: Math.min(this.#entries.size, this.#found), found: this.#found };
  }

  get leftOut(): string | null {
    return this.#isCut
      ? `There are more than ${MOST_RECORDS} records or 20,000 folders here; the rest is left out: browse a folder in it`
      : null;
  }

  /** Undefined: no record has this id. */
  byId(id: string): ListedRun | undefined {
    return this.#entries.get(id)?.run;
  }

  folderOf({ path }: ListedRun): string {
    return join(this.#root, path);
  }

  /** Looks what has come and gone. What takes longer than a page waits goes on behind it. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#refreshedMs > FRESH_MS) {
      this.#refreshing ??= this.#look().finally(() => {
        this.#refreshing = undefined;
        this.#refreshedMs = performance.now();
      });
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([this.#refreshing, late]).finally(() => clearTimeout(timer));
  }

  async #look(): Promise<void> {
    const { paths, isCut } = await findRecordFolders(this.#root);
    this.#found = paths.length;
    this.#isCut = isCut;
    const present = new Set(paths.map(idOf));
    for (const id of this.#entries.keys()) if (!present.has(id)) this.#entries.delete(id);
    for (let from = 0; from < paths.length; from += LOOKED_AT_ONCE) {
      const some = paths.slice(from, from + LOOKED_AT_ONCE);
      const stamps = await Promise.all(some.map((path) => this.#stampOf(path)));
      // Read one after the other: a record may be as large as tens of MiB.
      for (const [index, path] of some.entries()) {
        const [id, stamp] = [idOf(path), stamps[index] as string];
        if (this.#entries.get(id)?.stamp !== stamp)
          this.#entries.set(id, { run: await this.#read(path), stamp });
      }
    }
  }

  /** Of the file that says it all, and of whether the others are there. */
  async #stampOf(path: string): Promise<string> {
    const files = [RECORD_FILES.run, RECORD_FILES.timeline, RECORD_FILES.latency];
    const stamps = await Promise.all(
      files.map(async (file, index) => {
        const found = await lstat(join(this.#root, path, file)).catch(() => undefined);
        if (!found) return 'none';
        if (found.isSymbolicLink()) return 'a link';
        return index === 0 ? `${found.mtimeMs} ${found.size}` : 'there';
      }),
    );
    return stamps.join(' ');
  }

  async #read(path: string): Promise<ListedRun> {
    const folder = join(this.#root, path);
    const set = dirname(path);
    const listed = { id: idOf(path), path, set: set === '.' ? '' : set };
    try {
      await demandNoLinks(folder);
      const record = await readRunRecord(folder);
      const figures = this.#figures.store(catalogueFigures(record, MOST_FIGURES));
      const { name, startedAt, verdict } = record;
      const facts = { scenario: shortened(name), startedAt, verdict, figure: figures.at };
      return { ...listed, facts, damage: await missingFiles(folder) };
    } catch (error) {
      const words = (error as Error).message.replaceAll(folder, path);
      return { ...listed, facts: undefined, damage: shortened(words) };
    }
  }
}

/** A list has thousands of them, and a file may hold a name of any length. */
function shortened(words: string): string {
  return words.length > LONGEST_WORDS ? `${words.slice(0, LONGEST_WORDS)}…` : words;
}

/** In a link; what it stands for is looked up, so no link leads out of the folder. */
export function idOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 12);
}

async function missingFiles(folder: string): Promise<string | null> {
  const files = [RECORD_FILES.timeline, RECORD_FILES.latency];
  const missing = await Promise.all(
    files.map((file) =>
      lstat(join(folder, file)).then(
        () => [],
        () => [file],
      ),
    ),
  );
  return missing.flat().length === 0 ? null : `${missing.flat().join(' and ')} missing`;
}
