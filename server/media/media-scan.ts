import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { OWNER_FILE } from '../store/folder-lock.js';
import { forEachBounded } from './bounded-parallel.js';
import type { DamagedFiles } from './damaged-files.js';
import type { FileIndex } from './file-index.js';
import { contentPath, DamagedEntryError, entryPath, hashOfEntry, isHash, readEntry } from './media-entry.js';
import { closeToOthers, FILE_MODE, isUnfinishedWrite } from './private-files.js';

/** Each may hold a descriptor, of which a process may have few. */
const READS_AT_ONCE = 32;
const OURS = new Set(['partial', 'damaged', 'secret', OWNER_FILE]);

/**
 * Reads what a folder holds into the index. What cannot be served is set aside: an entry that is damaged, or has no
 * content, and content without an entry, as one that was killed in the middle of it leaves behind. What has no name of
 * ours is left alone.
 */
export async function scanMedia(
  folder: string,
  index: FileIndex,
  damaged: DamagedFiles,
  log: Logger,
): Promise<void> {
  const names = await readdir(folder);
  let closed = 0;
  const entries = new Set(names.map(hashOfEntry).filter((hash) => hash !== undefined));
  await forEachBounded([...entries], READS_AT_ONCE, async (hash) => {
    try {
      const entry = await readEntry(folder, hash);
      for (const path of [entryPath(folder, hash), contentPath(folder, hash)])
        if ((await closeToOthers(path, FILE_MODE)) === 'closed') closed += 1;
      index.set(entry);
    } catch (error) {
      if (!(error instanceof DamagedEntryError)) throw error;
      await damaged.setAside(hash, error.message);
    }
  });
  for (const name of names) {
    const path = join(folder, name);
    if (isHash(name)) {
      if (!entries.has(name)) await damaged.setAside(name, `${path}: it has no entry`);
    } else if (isUnfinishedWrite(name)) {
      if ((await lstat(path)).isFile()) await rm(path);
    } else if (hashOfEntry(name) === undefined && !OURS.has(name)) {
      log.warn({ path }, `${path} is no file of this server; it is left alone`);
    }
  }
  // One line, not one a file.
  if (closed > 0)
    log.warn(
      { folder },
      `${closed} files in ${folder} were open to other users of this machine; they are closed now`,
    );
}
