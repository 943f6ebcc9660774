import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { enterNetworkNamespace } from '../../../../loadgen/transports/packets/network-namespace.js';
import { TcpClients, type Wire } from '../../../../loadgen/transports/packets/tcp-clients.js';
import { TunDevice } from '../../../../loadgen/transports/packets/tun-device.js';
import { canSendPackets } from '../../../support/packets.js';

const SERVER_ADDRESS = 0x0a_00_00_01;
const CLIENT_ADDRESS = 0x0a_00_01_00;

/** What befalls packets between the kernel and the clients, each with this probability, both ways. */
interface Trouble {
  loss: number;
  duplication: number;
  reordering: number;
}

const NO_TROUBLE: Trouble = { loss: 0, duplication: 0, reordering: 0 };

/** Numbers from 0 to 1 that are the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

/** Lets packets through as the trouble says; `held` is one that another overtakes. */
function troubled(trouble: Trouble, random: () => number, pass: (packet: Buffer, bytes: number) => void) {
  let held: { packet: Buffer; bytes: number } | undefined;
  return (packet: Buffer, bytes: number): void => {
    if (random() < trouble.loss) return;
    if (!held && random() < trouble.reordering) {
      held = { packet: Buffer.from(packet), bytes };
      return;
    }
    pass(packet, bytes);
    if (random() < trouble.duplication) pass(Buffer.from(packet), bytes);
    if (held) pass(held.packet, held.bytes);
    held = undefined;
  };
}

/** Clients on a device of this test, with the events of each. */
class Host {
  readonly received = new Map<number, Buffer[]>();
  readonly closed = new Map<number, string>();
  readonly opened = new Set<number>();
  readonly clients: TcpClients;
  readonly #device = new TunDevice('test0', SERVER_ADDRESS, 13);
  readonly #buffer = Buffer.alloc(2000);
  readonly #takeIn: (packet: Buffer, bytes: number) => void;
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(count: number, trouble: Trouble, seed = 1) {
    const random = randomFrom(seed);
    const wire: Wire = {
      write: troubled(trouble, random, (packet, bytes) => this.#device.write(packet, bytes)),
    };
    const happened = (): void => this.#wake();
    this.clients = new TcpClients(
      count,
      CLIENT_ADDRESS,
      wire,
      {
        opened: (client) => {
          this.opened.add(client);
          happened();
        },
        received: (client, bytes) => {
          const chunks = this.received.get(client) ?? [];
          chunks.push(Buffer.from(bytes));
          this.received.set(client, chunks);
          happened();
        },
        closed: (client, reason) => {
          this.closed.set(client, reason);
          happened();
        },
      },
      performance.now(),
      1460,
      random,
    );
    this.#takeIn = troubled(trouble, random, (packet, bytes) => this.clients.take(packet, bytes));
    setImmediate(this.#turn);
  }

  bytesOf(client: number): Buffer {
    return Buffer.concat(this.received.get(client) ?? []);
  }

  /** Resolves once `isSo`; looks whenever something happens to a client. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#device.close();
  }

  readonly #turn = (): void => {
    if (this.#isClosed) return;
    let bytes = this.#device.read(this.#buffer);
    const isIdle = bytes === 0;
    for (; bytes > 0; bytes = this.#device.read(this.#buffer)) this.#takeIn(this.#buffer, bytes);
    this.clients.acknowledge(performance.now());
    this.clients.expire(performance.now());
    if (isIdle) setTimeout(this.#turn, 1);
    else setImmediate(this.#turn);
  };
}

describe.skipIf(!canSendPackets)('TCP clients in user space, against the TCP of the kernel', () => {
  const hosts: Host[] = [];
  const servers: Server[] = [];
  beforeAll(() => enterNetworkNamespace());
  afterEach(() => {
    for (const host of hosts.splice(0)) host.close();
    for (const server of servers.splice(0)) server.close();
  });

  function hostOf(count: number, trouble = NO_TROUBLE, seed = 1): Host {
    const host = new Host(count, trouble, seed);
    hosts.push(host);
    return host;
  }

  async function serve(handle: (socket: Socket) => void): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      // What breaks a connection is looked at from the client's side.
      socket.on('error', () => undefined);
      handle(socket);
    });
    servers.push(server);
    await once(server.listen(0, '10.0.0.1', 4096), 'listening');
    return (server.address() as AddressInfo).port;
  }

  const echo = (socket: Socket): void => {
    socket.pipe(socket);
  };

  function pattern(bytes: number, seed: number): Buffer {
    const random = randomFrom(seed + 1);
    return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
  }

  test.each([1, 100, 1460, 1461, 5000, 100_000])('%i bytes come back as they were sent', async (bytes) => {
    const host = hostOf(1);
    host.clients.open(0, SERVER_ADDRESS, await serve(echo));
    const sent = pattern(bytes, bytes);
    host.clients.send(0, sent);
    await host.until(() => host.bytesOf(0).length === bytes);
    expect(host.bytesOf(0).equals(sent)).toBe(true);
    host.clients.end(0);
    await host.until(() => host.closed.has(0));
    expect(host.closed.get(0)).toBe('PeerClosed');
    expect(host.clients.counters).toMatchObject({ malformed: 0, resetsIn: 0, resetsOut: 0 });
  });

  test.each([
    ['loss', { loss: 0.1, duplication: 0, reordering: 0 }],
    ['duplication', { loss: 0, duplication: 0.2, reordering: 0 }],
    ['reordering', { loss: 0, duplication: 0, reordering: 0.2 }],
    ['all of it', { loss: 0.05, duplication: 0.1, reordering: 0.1 }],
  ])('with %s on the way, what arrives is what was sent, or the connection failed', async (_, trouble) => {
    const count = 30;
    const host = hostOf(count, trouble, 42);
    const port = await serve(echo);
    const sent = Array.from({ length: count }, (_each, client) => pattern(10 + client * 150, client));
    sent.forEach((bytes, client) => {
      host.clients.open(client, SERVER_ADDRESS, port);
      host.clients.send(client, bytes);
    });
    await host.until(() =>
      sent.every((bytes, client) => host.closed.has(client) || host.bytesOf(client).length >= bytes.length),
    );
    sent.forEach((bytes, client) => {
      const arrived = host.bytesOf(client);
      expect(arrived.equals(bytes.subarray(0, arrived.length))).toBe(true);
      if (arrived.length < bytes.length) expect(host.closed.get(client)).toMatch(/ETIMEDOUT|ECONNRESET/);
    });
    expect([...host.closed.keys()].length).toBeLessThan(3);
  });

  test('2,000 connections open and close, and none is left in the kernel', async () => {
    const host = hostOf(2000);
    let open = 0;
    const port = await serve((socket) => {
      open += 1;
      socket.once('close', () => {
        open -= 1;
      });
      socket.resume().once('end', () => socket.end());
    });
    for (let client = 0; client < 2000; client += 1) host.clients.open(client, SERVER_ADDRESS, port);
    await host.until(() => host.opened.size === 2000);
    for (let client = 0; client < 2000; client += 1) host.clients.end(client);
    await host.until(() => host.closed.size === 2000);
    expect(new Set(host.closed.values())).toEqual(new Set(['PeerClosed']));
    await expect.poll(() => open).toBe(0);
  });

  test('a port where nobody listens refuses', async () => {
    const host = hostOf(1);
    host.clients.open(0, SERVER_ADDRESS, 9);
    await host.until(() => host.closed.has(0));
    expect(host.closed.get(0)).toBe('ECONNREFUSED');
  });

  test('a reset by the server ends the connection at once', async () => {
    const host = hostOf(1);
    host.clients.open(0, SERVER_ADDRESS, await serve((socket) => socket.resetAndDestroy()));
    await host.until(() => host.closed.has(0));
    expect(host.closed.get(0)).toBe('ECONNRESET');
  });

  test('a server that closes first gets what is under way, and our end of it', async () => {
    const host = hostOf(1);
    let heard = '';
    let hasEnded = false;
    const port = await serve((socket) => {
      socket.end('bye');
      socket.setEncoding('utf8').on('data', (text: string) => {
        heard += text;
      });
      socket.once('end', () => {
        hasEnded = true;
      });
    });
    host.clients.open(0, SERVER_ADDRESS, port);
    host.clients.send(0, Buffer.from('hello'));
    await host.until(() => host.closed.has(0));
    expect(host.closed.get(0)).toBe('PeerClosed');
    expect(host.bytesOf(0).toString()).toBe('bye');
    await expect.poll(() => [heard, hasEnded]).toEqual(['hello', true]);
  });

  test('a client that is cut is reset on the side of the server', async () => {
    const host = hostOf(1);
    let error: string | undefined;
    const port = await serve((socket) => {
      socket.on('error', ({ code }: NodeJS.ErrnoException) => {
        error = code;
      });
      socket.pipe(socket);
    });
    host.clients.open(0, SERVER_ADDRESS, port);
    host.clients.send(0, Buffer.from('x'));
    await host.until(() => host.received.has(0));
    host.clients.cut(0);
    expect(host.closed.get(0)).toBe('Cut');
    await expect.poll(() => error).toBe('ECONNRESET');
  });

  test('a server that does not read shuts the window; when it reads again everything arrives', async () => {
    const host = hostOf(1);
    let paused: Socket | undefined;
    let heard = 0;
    const port = await serve((socket) => {
      paused = socket;
      socket.pause();
    });
    host.clients.open(0, SERVER_ADDRESS, port);
    await host.until(() => host.opened.has(0));
    // More than the kernel takes for a socket that nobody reads, less than a client may have waiting.
    const sent = 250_000;
    host.clients.send(0, Buffer.alloc(sent, 7));
    await expect.poll(() => host.clients.counters.zeroWindows).toBeGreaterThan(0);
    const { retransmissions } = host.clients.counters;
    await expect.poll(() => host.clients.counters.retransmissions).toBeGreaterThan(retransmissions);
    paused?.on('data', (bytes) => {
      heard += bytes.length;
    });
    paused?.resume();
    await expect.poll(() => heard).toBe(sent);
  });

  test('a client that says more than may wait is cut off, with the reason', async () => {
    const host = hostOf(1);
    host.clients.open(0, SERVER_ADDRESS, await serve((socket) => socket.pause()));
    const chunk = Buffer.alloc(64 * 1024);
    for (let round = 0; round < 200 && !host.closed.has(0); round += 1) host.clients.send(0, chunk);
    expect(host.closed.get(0)).toBe('SendBufferFull');
  });

  test('a client connects again at once, from another port', async () => {
    const host = hostOf(1);
    const ports = new Set<number | undefined>();
    const port = await serve((socket) => {
      ports.add(socket.remotePort);
      socket.resume().once('end', () => socket.end());
    });
    for (let round = 0; round < 3; round += 1) {
      host.opened.clear();
      host.closed.clear();
      host.clients.open(0, SERVER_ADDRESS, port);
      await host.until(() => host.opened.has(0));
      host.clients.end(0);
      await host.until(() => host.closed.has(0));
    }
    expect(ports.size).toBe(3);
  });
});
