import { loadPart } from '../../../native/native-part.js';

/** The few calls of the C library that a TUN device and a network namespace take. Linux only. */
export interface Libc {
  open(path: string, flags: number): number;
  close(descriptor: number): number;
  read(descriptor: number, buffer: Buffer, bytes: number): number;
  write(descriptor: number, buffer: Buffer, bytes: number): number;
  ioctl(descriptor: number, request: number, argument: Buffer): number;
  socket(domain: number, type: number, protocol: number): number;
  unshare(flags: number): number;
  setns(descriptor: number, kind: number): number;
}

/** A call of the C library failed; `errno` is its number. */
export class SystemCallError extends Error {
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call} failed: errno ${errno}`);
    this.name = 'SystemCallError';
    this.errno = errno;
  }
}

let libc: Libc | undefined;
let errno: () => number = () => 0;

/** Loaded with the first use, so that whoever needs no packets needs no FFI. @throws MissingPartError */
export function loadLibc(): Libc {
  if (libc) return libc;
  const koffi = loadPart('koffi');
  errno = koffi.errno;
  const library = koffi.load('libc.so.6');
  libc = {
    open: library.func('int open(const char *path, int flags)'),
    close: library.func('int close(int fd)'),
    read: library.func('long read(int fd, void *buffer, size_t bytes)'),
    write: library.func('long write(int fd, const void *buffer, size_t bytes)'),
    ioctl: library.func('int ioctl(int fd, unsigned long request, void *argument)'),
    socket: library.func('int socket(int domain, int type, int protocol)'),
    unshare: library.func('int unshare(int flags)'),
    setns: library.func('int setns(int fd, int kind)'),
  };
  return libc;
}

/** Of the last call that failed. */
export function lastErrno(): number {
  return errno();
}

/** @throws SystemCallError where the result of a call is negative */
export function checked(call: string, result: number): number {
  if (result < 0) throw new SystemCallError(call, lastErrno());
  return result;
}
