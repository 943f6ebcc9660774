import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { SocketTransport } from '../../../loadgen/transports/socket-transport.js';
import { loadCertificate } from '../../../server/gateway/certificate.js';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

/** Client 0, and a promise for whatever is said of it next. */
function client() {
  const said: string[] = [];
  let wake: () => void = () => undefined;
  const say = (words: string): void => {
    said.push(words);
    wake();
  };
  const transport = new SocketTransport(
    1,
    {
      opened: () => say('opened'),
      received: (_client, bytes) => say(`received ${bytes}`),
      secured: () => say('secured'),
      closed: (_client, reason) => say(`closed ${reason}`),
    },
    { isInsecure: true, serverName: 'example.org', alpn: ['xmpp-client'] },
  );
  const next = async (): Promise<string> => {
    while (said.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return said.shift() as string;
  };
  return { transport, next };
}

describe('a client over kernel sockets', () => {
  test('begins TLS in the middle of a connection, and can be cut', async () => {
    const { key, cert } = await loadCertificate(undefined);
    const secureContext = createSecureContext({ key, cert });
    const names: unknown[] = [];
    const port = await listen(
      createServer((socket: Socket) => {
        socket.on('error', () => socket.destroy());
        socket.once('data', () => {
          socket.write('proceed');
          const secure = new TLSSocket(socket, { isServer: true, secureContext });
          secure.on('error', () => secure.destroy());
          secure.on('secure', () => names.push((secure as TLSSocket & { servername: unknown }).servername));
          secure.on('data', (bytes) => secure.write(`echo of ${bytes}`));
        });
      }),
    );
    const { transport, next } = client();
    transport.open(0, { protocol: 'tcp', host: '127.0.0.1', port }, undefined);
    expect(await next()).toBe('opened');
    transport.send(0, Buffer.from('starttls'));
    expect(await next()).toBe('received proceed');
    expect(transport.startTls(0)).toBe(true);
    expect(await next()).toBe('secured');
    transport.send(0, Buffer.from('hello'));
    expect(await next()).toBe('received echo of hello');
    expect(names).toEqual(['example.org']);
    transport.cut(0);
    expect(await next()).toBe('closed Cut');
    expect(transport.startTls(0)).toBe(false);
  });

  test('can be cut where TLS has made the connection, and asks for the protocol that it was told', async () => {
    const options = { ...(await loadCertificate(undefined)), ALPNProtocols: ['xmpp-client'] };
    const protocols: unknown[] = [];
    const server = createTlsServer(options, (socket) => {
      protocols.push(socket.alpnProtocol, (socket as TLSSocket & { servername: unknown }).servername);
      socket.on('error', () => socket.destroy());
      socket.write('hello');
    });
    const port = await listen(server);
    const { transport, next } = client();
    transport.open(0, { protocol: 'tls', host: '127.0.0.1', port }, undefined);
    expect(await next()).toBe('opened');
    expect(await next()).toBe('received hello');
    transport.cut(0);
    expect(await next()).toBe('closed Cut');
    expect(protocols).toEqual(['xmpp-client', 'example.org']);
  });
});
