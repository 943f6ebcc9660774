import { lstatSync, mkdirSync } from 'node:fs';

/**
 * Makes the folder that the processes of a server share, where it is not there: those who clear temporary folders take it
 * away after some days.
 * @throws Error where somebody else has put one in its place, who could then say what the server runs
 */
export function ensureSharedFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  const isOurs = process.getuid === undefined || found.uid === process.getuid();
  if (found.isDirectory() && isOurs && (found.mode & 0o077) === 0) return;
  throw new Error(
    `${folder} was taken away and belongs to somebody else now, or is open to others; start the server anew`,
  );
}
