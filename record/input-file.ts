import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { printable } from './printable.js';

/** A file that somebody gave us and that cannot be used; the message names it, what is wrong and what to do. */
export class InputFileError extends Error {
  readonly code = 'C2M_INPUT_FILE';
  /** The message without the name of the file. */
  readonly reason: string;
  readonly isMissing: boolean;

  constructor(file: string, reason: string, isMissing = false) {
    super(`${printable(file)} ${reason}`);
    this.reason = reason;
    this.isMissing = isMissing;
  }
}

/**
 * Reads a text that others wrote, such as a scenario or a record: a regular file of at most `maxBytes`, in UTF-8.
 * What has no end (a pipe, a device) is refused, and not waited for.
 * @throws InputFileError
 */
export async function readTextFile(file: string, maxBytes: number): Promise<string> {
  const handle = await openInputFile(file, maxBytes);
  try {
    const bytes = await readUpTo(handle, maxBytes + 1);
    // The size that was asked for before is of then: /proc says 0, and a file may grow meanwhile.
    if (bytes.length > maxBytes) throw tooLarge(file, maxBytes);
    return decodeText(file, bytes);
  } catch (error) {
    throw asInputFileError(file, error);
  } finally {
    await handle.close();
  }
}

/**
 * Opens a regular file of at most `maxBytes` for reading; the caller closes it.
 * @throws InputFileError
 */
export async function openInputFile(file: string, maxBytes: number): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK, opening a FIFO waits for somebody who writes to it.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw asInputFileError(file, error);
  }
  const found = await handle.stat();
  if (found.isFile() && found.size <= maxBytes) return handle;
  await handle.close();
  if (found.isDirectory())
    throw new InputFileError(file, 'cannot be read: it is a folder; name a file in it');
  if (!found.isFile()) {
    throw new InputFileError(
      file,
      'cannot be read: it is a pipe or a device, which may have no end; write its text to a file first',
    );
  }
  throw tooLarge(file, maxBytes);
}

/** @throws InputFileError for bytes that are no UTF-8 */
export function decodeText(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // TextDecoder says no more than that.
    throw new InputFileError(file, 'is not text in UTF-8; save it as UTF-8, or name another file');
  }
}

async function readUpTo(handle: FileHandle, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < most) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(1 << 20, most - length)), 0);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

function tooLarge(file: string, maxBytes: number): InputFileError {
  const most = maxBytes >= 2 ** 20 ? `${maxBytes / 2 ** 20} MiB` : `${maxBytes / 1024} KiB`;
  return new InputFileError(file, `cannot be read: it has more than ${most}; is it the right file?`);
}

function asInputFileError(file: string, error: unknown): InputFileError {
  if (error instanceof InputFileError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new InputFileError(file, `cannot be read: ${wordsFor(code) ?? message}`, code === 'ENOENT');
}

function wordsFor(code: string | undefined): string | undefined {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file; check the path';
    case 'EACCES':
      return 'this user may not read it';
    case 'ELOOP':
      return 'it is a link that leads back to itself';
    // A socket, which open() does not open.
    case 'ENXIO':
      return 'it is a socket; name a file';
    case 'ERR_INVALID_ARG_VALUE':
      return 'this is not the name of a file';
    default:
      return undefined;
  }
}
