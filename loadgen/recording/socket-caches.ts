/** Objects in use in one slab cache of the kernel, and the size of each. */
export interface SlabCache {
  objects: number;
  objectBytes: number;
}

/** The slab caches that a TCP socket takes objects from, by name. */
export type SocketCaches = ReadonlyMap<string, SlabCache>;

/**
 * How many objects of each cache a socket has. `one`: exactly one (itself, its inode, its name, its open file), so
 * that a cache which grows or shrinks by more was moved by another process: one that looks up files makes dentries,
 * which go when the kernel wants them back. `atMost`: one, if the socket is in an epoll set. `none`: the cache is of
 * connections that are not yet or no longer there.
 */
const OBJECTS_A_SOCKET: Readonly<Record<string, 'one' | 'atMost' | 'none'>> = {
  TCP: 'atMost',
  TCPv6: 'atMost',
  sock_inode_cache: 'one',
  dentry: 'one',
  filp: 'one',
  lsm_file_cache: 'one',
  eventpoll_epi: 'atMost',
  eventpoll_pwq: 'atMost',
  ep_head: 'atMost',
  request_sock_TCP: 'none',
  tw_sock_TCP: 'none',
};

/** A cache whose objects a socket differ from one by more was moved by somebody else as well. */
const TOLERANCE = 0.1;

/**
 * @param slabinfo the text of /proc/slabinfo
 * @returns null where there is none
 */
export function readSocketCaches(slabinfo: string): SocketCaches | null {
  if (slabinfo === '') return null;
  const caches = new Map<string, SlabCache>();
  for (const line of slabinfo.split('\n')) {
    const [name = '', active, , size] = line.split(/\s+/, 4);
    // Objects in use: slabs that an earlier run left half empty would hide what this one takes.
    if (Object.hasOwn(OBJECTS_A_SOCKET, name))
      caches.set(name, { objects: Number(active), objectBytes: Number(size) });
  }
  return caches;
}

/** Bytes of all objects in use, whoever uses them. */
export function slabBytes(caches: SocketCaches): number {
  let bytes = 0;
  for (const { objects, objectBytes } of caches.values()) bytes += objects * objectBytes;
  return bytes;
}

/**
 * Bytes of the caches that one socket takes.
 * @param objectsASocket by how many objects a cache grew for each socket; null: not known
 * @returns null where not even the sockets themselves can be seen to have grown
 */
export function bytesASocket(
  caches: SocketCaches,
  objectsASocket: (cache: string) => number | null,
): number | null {
  const sockets = (objectsASocket('TCP') ?? 0) + (objectsASocket('TCPv6') ?? 0);
  // Objects are handed out in slabs, so the first few connections take none or a dozen; past that there is one a socket.
  if (Math.abs(sockets - 1) > 1 / 2) return null;
  let bytes = 0;
  for (const [name, { objectBytes }] of caches) {
    const measured = objectsASocket(name);
    if (measured !== null) bytes += objectBytes * plausibleObjects(name, measured);
  }
  return bytes;
}

function plausibleObjects(cache: string, measured: number): number {
  switch (OBJECTS_A_SOCKET[cache]) {
    case 'one':
      return Math.abs(measured - 1) > TOLERANCE ? 1 : measured;
    case 'atMost':
      return Math.min(1, Math.max(0, measured));
    default:
      return 0;
  }
}
