import { existsSync, writeFileSync } from 'node:fs';
import { bringUp } from './interface-request.js';
import { lastErrno, loadLibc } from './libc.js';

const CLONE_NEWNET = 0x40000000;
const EPERM = 1;

/** Packets cannot be sent here; the message says what is missing. */
export class PacketsError extends Error {
  readonly code = 'C2M_INPUT';
}

/** Of this namespace alone: how many connects may wait, and how few ports the kernel takes for itself. */
const SETTINGS = {
  'core/somaxconn': '65535',
  'ipv4/tcp_max_syn_backlog': '65535',
  'ipv4/ip_local_port_range': '60000 65535',
  // The kernel would look for IPv6 routers on every device, and the clients would have to sort that out.
  'ipv6/conf/all/disable_ipv6': '1',
  'ipv6/conf/default/disable_ipv6': '1',
};

let isEntered = false;

/**
 * Moves this process, and all that it forks from now on, into a network namespace of its own. The namespace has no
 * name: the kernel removes it, and every device in it, with its last process, also after a crash or kill -9.
 * Sockets that are open already stay where they are.
 * @throws PacketsError without the rights to do so
 */
export function enterNetworkNamespace(): void {
  if (isEntered) return;
  if (process.platform !== 'linux') {
    throw new PacketsError('generator.transport: packets needs Linux; write sockets');
  }
  // It moves the calling thread, which is the one that opens sockets and forks; see unshare(2).
  if (loadLibc().unshare(CLONE_NEWNET) !== 0) {
    throw new PacketsError(
      lastErrno() === EPERM
        ? 'generator.transport: packets needs root or CAP_SYS_ADMIN and CAP_NET_ADMIN, to make a network namespace and a TUN device; run as root, or write sockets'
        : `generator.transport: a network namespace cannot be made (errno ${lastErrno()}); write sockets`,
    );
  }
  isEntered = true;
  bringUp('lo');
  for (const [name, value] of Object.entries(SETTINGS)) {
    const file = `/proc/sys/net/${name}`;
    // A kernel without IPv6 has no such settings.
    if (existsSync(file)) writeFileSync(file, value);
  }
}
