import { isIP } from 'node:net';

/** True for 127.0.0.0/8, ::1 and localhost: addresses that other machines cannot reach. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** A host as addresses and URLs write it: `127.0.0.1`, `[::1]`. */
export function writtenHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** `tcp://127.0.0.1:4000`, `tcp://[::1]:4000` */
export function formatAddress(address: { protocol: string; host: string; port: number }): string {
  const { protocol, host, port } = address;
  return `${protocol}://${writtenHost(host)}:${port}`;
}
