import { chmod, lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of the path of a socket; the kernel takes no more, and Node would cut it off. */
const LONGEST_PATH = 107;
/** `<pid>-<run>.sock` */
const LONGEST_NAME = 'c2m/4194304-12345678.sock'.length;

/** Where the runs of this user listen: folders that nobody else can look into, the best first. */
export function controlFolders(): string[] {
  const { XDG_RUNTIME_DIR } = process.env;
  const ofUser = XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'c2m')] : [];
  return [...ofUser, join(tmpdir(), `c2m-runs-${process.getuid?.() ?? 'user'}`)];
}

/** Whether it is there and this user's alone: in a temporary folder somebody else may have been faster. */
export async function isOwnFolder(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EACCES') return undefined;
    throw error;
  });
  if (!found) return false;
  return found.isDirectory() && found.uid === process.getuid?.();
}

/**
 * The first of the folders that can be had, made where it is not there.
 * @returns why none can be had, otherwise
 */
export async function makeControlFolder(
  folders: readonly string[],
): Promise<{ folder: string } | { why: string }> {
  const reasons: string[] = [];
  for (const folder of folders) {
    const why = await whyNot(folder);
    if (why === undefined) return { folder };
    reasons.push(`${folder} ${why}`);
  }
  return { why: reasons.join(', ') };
}

async function whyNot(folder: string): Promise<string | undefined> {
  if (Buffer.byteLength(folder) + LONGEST_NAME > LONGEST_PATH) return 'is too long a path for a socket';
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') return `cannot be made (${code})`;
  }
  if (!(await isOwnFolder(folder))) return 'is not a folder of this user';
  await chmod(folder, 0o700);
  return undefined;
}
