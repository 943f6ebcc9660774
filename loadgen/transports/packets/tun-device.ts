import { readFileSync } from 'node:fs';
import { bringUp, interfaceRequest, setInterfaceAddress, setQueueLength } from './interface-request.js';
import { checked, lastErrno, loadLibc } from './libc.js';

const O_RDWR = 0o2;
const O_NONBLOCK = 0o4000;
const IFF_TUN_NO_PI = 0x1001;
const FLAGS_OFFSET = 16;
/** Of <linux/if_tun.h>. */
const TUNSETIFF = 0x400454ca;
const EAGAIN = 11;
/** The queue drops what it does not hold; it must be that long before the link comes up. */
const QUEUE_LENGTH = 100_000;
export const PACKET_BYTES = 1500;

/** A TUN device: IP packets that the kernel routes to its subnet are read here, and what is written comes in. */
export class TunDevice {
  readonly #libc = loadLibc();
  readonly #descriptor: number;
  readonly #name: string;
  #refused = 0;

  /**
   * Makes the device in the network namespace of this process; it is gone when closed, or with the process.
   * @param name at most 15 letters
   * @param address the kernel's own address on it, as a number
   * @throws SystemCallError
   */
  constructor(name: string, address: number, prefixBits: number) {
    const libc = this.#libc;
    this.#name = name;
    this.#descriptor = checked('open /dev/net/tun', libc.open('/dev/net/tun', O_RDWR | O_NONBLOCK));
    try {
      const request = interfaceRequest(name);
      request.writeInt16LE(IFF_TUN_NO_PI, FLAGS_OFFSET);
      checked(`TUNSETIFF of ${name}`, libc.ioctl(this.#descriptor, TUNSETIFF, request));
      setQueueLength(name, QUEUE_LENGTH);
      setInterfaceAddress(name, address, prefixBits);
      bringUp(name);
    } catch (error) {
      libc.close(this.#descriptor);
      throw error;
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
    if (this.#libc.write(this.#descriptor, packet, bytes) < 0) this.#refused += 1;
  }

  /** Packets that the kernel did not take, and those that it dropped because nobody read them in time. */
  get drops(): number {
    return this.#refused + readTransmitDrops(this.#name);
  }

  close(): void {
    this.#libc.close(this.#descriptor);
  }
}

/** The 12th column of /proc/net/dev, which is that of the reader's network namespace. */
function readTransmitDrops(name: string): number {
  const line = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .find((each) => each.trimStart().startsWith(`${name}:`));
  return Number(
    line
      ?.slice(line.indexOf(':') + 1)
      .trim()
      .split(/\s+/)[11] ?? 0,
  );
}
