import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { bringUp } from './interface-request.js';
import { checked, lastErrno, loadLibc } from './libc.js';
import { PacketsError } from './packets-error.js';

const CLONE_NEWNET = 0x40000000;
const EPERM = 1;

/** That of the thread which calls setns and unshare, and which forks and opens sockets: the main thread. */
const OWN_NAMESPACE = '/proc/self/ns/net';

/** How many connects may wait, and how few ports the kernel takes for itself. */
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
  unshareNetwork();
  isEntered = true;
  setUp();
}

/**
 * A network namespace that is held by an open file. It has no name: the kernel removes it, and every device in it, when
 * that file is closed and no process is in it any more, also after a crash or kill -9.
 */
export class HeldNamespace {
  readonly #file: number;

  private constructor(file: number) {
    this.#file = file;
  }

  /** The one that this process is in. */
  static current(): HeldNamespace {
    return new HeldNamespace(openSync(OWN_NAMESPACE, 'r'));
  }

  /**
   * A new one, with its loopback up.
   * @throws PacketsError without the rights to make it
   */
  static make(): HeldNamespace {
    const before = HeldNamespace.current();
    try {
      unshareNetwork();
      try {
        setUp();
        return HeldNamespace.current();
      } finally {
        before.#enter();
      }
    } finally {
      before.close();
    }
  }

  /** Where other processes find it, such as `ip link set … netns`; as long as this one holds it. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#file}`;
  }

  /**
   * What `work` forks, and the sockets and devices that it opens, are in the namespace, and stay there. Nothing else of this
   * process is: `work` must do all of it before it returns.
   */
  inside<Result>(work: () => Result): Result {
    const before = HeldNamespace.current();
    try {
      this.#enter();
      try {
        return work();
      } finally {
        before.#enter();
      }
    } finally {
      before.close();
    }
  }

  /** Sets something of `/proc/sys/net`, such as `ipv4/ip_forward`; what the kernel does not have is left out. */
  configure(settings: Readonly<Record<string, string>>): void {
    this.inside(() => writeSettings(settings));
  }

  close(): void {
    closeSync(this.#file);
  }

  #enter(): void {
    checked('setns', loadLibc().setns(this.#file, CLONE_NEWNET));
  }
}

/** It moves the calling thread, which is the one that opens sockets and forks; see unshare(2). */
function unshareNetwork(): void {
  if (process.platform !== 'linux') {
    throw new PacketsError('generator.transport: packets needs Linux; write sockets');
  }
  if (loadLibc().unshare(CLONE_NEWNET) === 0) return;
  throw new PacketsError(
    lastErrno() === EPERM
      ? 'generator.transport: packets needs root or CAP_SYS_ADMIN and CAP_NET_ADMIN, to make a network namespace and a TUN device; run as root, or write sockets'
      : `generator.transport: a network namespace cannot be made (errno ${lastErrno()}); write sockets`,
  );
}

function setUp(): void {
  bringUp('lo');
  writeSettings(SETTINGS);
}

function writeSettings(settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) {
    const file = `/proc/sys/net/${name}`;
    // A kernel without IPv6 has no settings of it.
    if (existsSync(file)) writeFileSync(file, value);
  }
}
