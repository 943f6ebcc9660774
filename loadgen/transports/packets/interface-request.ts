import { checked, loadLibc } from './libc.js';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;
const IFF_UP_RUNNING = 0x41;

/** Requests of <linux/sockios.h>. */
const REQUESTS = {
  SIOCSIFFLAGS: 0x8914,
  SIOCSIFADDR: 0x8916,
  SIOCSIFNETMASK: 0x891c,
  SIOCGIFMTU: 0x8921,
  SIOCSIFMTU: 0x8922,
  SIOCSIFTXQLEN: 0x8943,
} as const;

/** A struct ifreq that names an interface; its union begins at the returned buffer's byte 16. */
export function interfaceRequest(name: string): Buffer {
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name, 0, NAME_BYTES - 1, 'latin1');
  return request;
}

/** @returns the struct ifreq as the kernel left it */
function change(
  name: string,
  request: keyof typeof REQUESTS,
  fill: (argument: Buffer) => void = () => undefined,
): Buffer {
  const libc = loadLibc();
  const control = checked('socket', libc.socket(AF_INET, SOCK_DGRAM, 0));
  const argument = interfaceRequest(name);
  fill(argument);
  try {
    checked(`${request} of ${name}`, libc.ioctl(control, REQUESTS[request], argument));
  } finally {
    libc.close(control);
  }
  return argument;
}

function setAddress(name: string, request: 'SIOCSIFADDR' | 'SIOCSIFNETMASK', address: number): void {
  change(name, request, (argument) => {
    argument.writeUInt16LE(AF_INET, NAME_BYTES);
    argument.writeUInt32BE(address >>> 0, NAME_BYTES + 4);
  });
}

/** @throws SystemCallError, as all of these do */
export function setInterfaceAddress(name: string, address: number, prefixBits: number): void {
  setAddress(name, 'SIOCSIFADDR', address);
  setAddress(name, 'SIOCSIFNETMASK', -1 << (32 - prefixBits));
}

export function setQueueLength(name: string, packets: number): void {
  change(name, 'SIOCSIFTXQLEN', (argument) => argument.writeInt32LE(packets, NAME_BYTES));
}

/** Bytes of the largest packet that it takes. */
export function readMtu(name: string): number {
  return change(name, 'SIOCGIFMTU').readInt32LE(NAME_BYTES);
}

export function setMtu(name: string, bytes: number): void {
  change(name, 'SIOCSIFMTU', (argument) => argument.writeInt32LE(bytes, NAME_BYTES));
}

export function bringUp(name: string): void {
  change(name, 'SIOCSIFFLAGS', (argument) => argument.writeInt16LE(IFF_UP_RUNNING, NAME_BYTES));
}
