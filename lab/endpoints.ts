import { lookup } from 'node:dns/promises';
import type { Endpoint } from '../loadgen/agent-messages.js';
import type { WireProtocol } from '../scenarios/scenario.js';

/** An address that cannot be resolved: the run cannot begin. */
export class EndpointError extends Error {
  readonly code = 'C2M_ENDPOINT';
}

/**
 * Turns `tcp://host:port` into what a client dials; names are looked up once, so that every agent dials the same.
 * @throws EndpointError
 */
export async function resolveEndpoint(address: string): Promise<Endpoint> {
  const [, protocol, host, port, path] = /^(\w+):\/\/([^/]+):(\d+)(\/.*)?$/.exec(address) ?? [];
  if (!protocol || !host || !port) throw new EndpointError(`${address} is not an address`);
  const name = host.replace(/^\[|\]$/g, '');
  try {
    const found = await lookup(name);
    return {
      protocol: protocol.toLowerCase() as WireProtocol,
      host: found.address,
      port: Number(port),
      ...(path === undefined ? {} : { path }),
    };
  } catch (error) {
    throw new EndpointError(
      `${address}: ${name} cannot be resolved: ${(error as NodeJS.ErrnoException).code}`,
    );
  }
}
