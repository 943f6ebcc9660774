import { lookup } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import type { Endpoint } from '../loadgen/agent-messages.js';
import type { WireProtocol } from '../scenarios/scenario.js';
import { takesConnection } from './listening.js';

/** An address that cannot be resolved: the run cannot begin. */
export class EndpointError extends Error {
  readonly code = 'C2M_ENDPOINT';
}

/**
 * Turns `tcp://host:port` into what a client dials; names are looked up once, so that every agent dials the same, and
 * kept for the certificate of the server and for servers that have several names.
 * @param addressesOf a name has, in the order of the resolver
 * @throws EndpointError
 */
export async function resolveEndpoint(
  address: string,
  addressesOf: (name: string) => Promise<string[]> = allAddressesOf,
): Promise<Endpoint> {
  const [, protocol, host, port, path] = /^(\w+):\/\/([^/]+):(\d+)(\/.*)?$/.exec(address) ?? [];
  if (!protocol || !host || !port) throw new EndpointError(`${address} is not an address`);
  const name = host.replace(/^\[|\]$/g, '');
  let addresses: string[];
  try {
    addresses = isIP(name) ? [name] : await addressesOf(name);
  } catch (error) {
    throw new EndpointError(
      `${address}: ${name} cannot be resolved: ${(error as NodeJS.ErrnoException).code}`,
    );
  }
  return {
    protocol: protocol.toLowerCase() as WireProtocol,
    host: await reachedOf(addresses, Number(port)),
    ...(isIP(name) ? {} : { name }),
    port: Number(port),
    ...(path === undefined ? {} : { path }),
  };
}

async function allAddressesOf(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/**
 * `localhost` is ::1 as well as 127.0.0.1 on most machines, and most servers listen at one of them: the first at which somebody
 * listens. Nowhere yet: a server that listens at all addresses listens at that of IPv4.
 */
async function reachedOf(addresses: readonly string[], port: number): Promise<string> {
  if (addresses.length > 1) {
    for (const each of addresses) if (await takesConnection({ host: each, port })) return each;
  }
  return addresses.find(isIPv4) ?? (addresses[0] as string);
}
