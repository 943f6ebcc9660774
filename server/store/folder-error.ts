import { StoreError } from './home-store.js';

/**
 * What the system said of a folder, with what to do about it.
 * @returns a StoreError where the error is one of the system; anything else as it is
 */
export function folderError(folder: string, error: unknown): unknown {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (error instanceof StoreError || typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error;
  const about = path ?? folder;
  switch (code) {
    case 'ENOTDIR':
    case 'EEXIST':
      return new StoreError(
        `${folder} is no folder, or lies below a file: name a folder, or one that does not exist`,
      );
    case 'EACCES':
    case 'EPERM':
      return new StoreError(
        `${about} is not open to this user (${code}): run the server as its owner, or give it to this user with chown`,
      );
    case 'EROFS':
      return new StoreError(
        `${about} is on a file system that is read-only: mount it for writing, or name another folder`,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreError(
        `${folder}: the disk or its quota is full (${code}); make room, or name another folder`,
      );
    case 'ENOENT':
      return new StoreError(
        `${about} is not there: was it moved, deleted or unmounted? Bring it back, or name another folder`,
      );
    case 'EMFILE':
    case 'ENFILE':
      return new StoreError(`${folder}: too many open files (${code}); raise ulimit -n`);
    default:
      return new StoreError(`${folder} cannot be used (${message}); see to the disk, or name another folder`);
  }
}
