import { checked, lastErrno, loadLibc } from './libc.js';

const O_RDWR = 0o2;
const O_NONBLOCK = 0o4000;
const IFF_TUN_NO_PI = 0x1001;
const IFF_UP_RUNNING = 0x41;
const AF_INET = 2;
const SOCK_DGRAM = 2;
/** Requests of <linux/sockios.h> and <linux/if_tun.h>. */
const TUNSETIFF = 0x400454ca;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const SIOCSIFTXQLEN = 0x8943;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;
const EAGAIN = 11;
/** The queue drops what it does not hold; it must be that long before the link comes up. */
const QUEUE_LENGTH = 20_000;
export const PACKET_BYTES = 1500;

/** A TUN device: IP packets that the kernel routes to its subnet are read here, and what is written comes in. */
export class TunDevice {
  readonly #libc = loadLibc();
  readonly #descriptor: number;
  /** Packets that the kernel did not take. */
  drops = 0;

  /**
   * Makes the device in the network namespace of this process; it is gone when closed, or with the process.
   * @param name at most 15 letters
   * @param address the kernel's own address on it, as a number
   * @throws SystemCallError
   */
  constructor(name: string, address: number, prefixBits: number) {
    const libc = this.#libc;
    this.#descriptor = checked('open /dev/net/tun', libc.open('/dev/net/tun', O_RDWR | O_NONBLOCK));
    const control = checked('socket', libc.socket(AF_INET, SOCK_DGRAM, 0));
    const request = (call: string, number: number, fill: (argument: Buffer) => void, of = name): void => {
      const argument = Buffer.alloc(IFREQ_BYTES);
      argument.write(of, 0, NAME_BYTES - 1, 'latin1');
      fill(argument);
      checked(call, libc.ioctl(number === TUNSETIFF ? this.#descriptor : control, number, argument));
    };
    const socketAddress = (value: number) => (argument: Buffer) => {
      argument.writeUInt16LE(AF_INET, NAME_BYTES);
      argument.writeUInt32BE(value >>> 0, NAME_BYTES + 4);
    };
    const flags = (argument: Buffer) => argument.writeInt16LE(IFF_UP_RUNNING, NAME_BYTES);
    try {
      request('TUNSETIFF', TUNSETIFF, (argument) => argument.writeInt16LE(IFF_TUN_NO_PI, NAME_BYTES));
      request('SIOCSIFTXQLEN', SIOCSIFTXQLEN, (argument) => argument.writeInt32LE(QUEUE_LENGTH, NAME_BYTES));
      request('SIOCSIFADDR', SIOCSIFADDR, socketAddress(address));
      request('SIOCSIFNETMASK', SIOCSIFNETMASK, socketAddress(-1 << (32 - prefixBits)));
      request('SIOCSIFFLAGS', SIOCSIFFLAGS, flags);
      request('SIOCSIFFLAGS', SIOCSIFFLAGS, flags, 'lo');
    } catch (error) {
      libc.close(this.#descriptor);
      throw error;
    } finally {
      libc.close(control);
    }
  }

  /** Hot path. Bytes of the next packet, or 0 if there is none now. */
  read(buffer: Buffer): number {
    const bytes = this.#libc.read(this.#descriptor, buffer, buffer.length);
    if (bytes >= 0) return bytes;
    if (lastErrno() === EAGAIN) return 0;
    return checked('read of the TUN device', bytes);
  }

  /** Hot path. A packet that the kernel does not take now is lost, like any packet may be. */
  write(packet: Buffer, bytes: number): void {
    if (this.#libc.write(this.#descriptor, packet, bytes) < 0) this.drops += 1;
  }

  close(): void {
    this.#libc.close(this.#descriptor);
  }
}
