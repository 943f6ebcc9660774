import { randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';

const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;
const OF_OTHERS = 0o077;
/** What `writeWhole` calls a file until it is whole. */
const UNFINISHED = /\.[0-9a-f]{8}-[0-9a-f-]{27}\.new$/;

/** Makes a folder that only this user may look into; one that is there and open to others is closed to them, and told. */
export async function privateFolder(path: string, log: Logger): Promise<void> {
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  const found = await closeToOthers(path, FOLDER_MODE);
  if (found === 'closed')
    log.warn({ path }, `${path} was open to other users of this machine; it is closed to them now`);
  if (found === 'of another user') {
    log.warn(
      { path },
      `${path} is open to other users of this machine, and not ours to close; use a folder of this user`,
    );
  }
}

/** Takes the rights of others away from what is ours. */
export async function closeToOthers(
  path: string,
  mode: number,
): Promise<'was private' | 'closed' | 'of another user'> {
  const found = await lstat(path);
  if ((found.mode & OF_OTHERS) === 0) return 'was private';
  if (found.uid !== process.getuid?.()) return 'of another user';
  await chmod(path, mode);
  return 'closed';
}

/** A file is there with all of its content, or as it was before: also where the process is killed meanwhile. */
export async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const unfinished = `${path}.${randomUUID()}.new`;
  try {
    await writeFile(unfinished, content, { mode: FILE_MODE, flag: 'wx' });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** True for what `writeWhole` left behind when it was killed. */
export function isUnfinishedWrite(name: string): boolean {
  return UNFINISHED.test(name);
}
