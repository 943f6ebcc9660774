/**
 * Clients dial from 198.18.0.0/15, which RFC 2544 keeps for measurements: no network that a machine is in has it, so a
 * server on another machine needs no more than a route back. Each agent of a run has a subnet of its own in it.
 */
export const CLIENT_NETWORK = '198.18.0.0/15';
const NETWORK_BITS = 15;
const FIRST_NETWORK = 0xc6_12_00_00;

/** 4,096 addresses, of 4,096 clients each. */
export const SUBNET_BITS = 20;
const SUBNET_SIZE = 2 ** (32 - SUBNET_BITS);
export const MOST_PACKET_AGENTS = 2 ** (SUBNET_BITS - NETWORK_BITS);

/** The first ones are of the kernel, and room for other uses. */
const FIRST_CLIENT = 256;
export const CLIENTS_AN_ADDRESS = 4096;
/** What one agent can have; the last address of a subnet is that of everybody in it. */
export const MOST_PACKET_CLIENTS = (SUBNET_SIZE - FIRST_CLIENT - 1) * CLIENTS_AN_ADDRESS;

/** The kernel's address on the device of an agent; where the server is in the same namespace, that of agent 0 is its own. */
export function deviceAddress(agent: number): number {
  return FIRST_NETWORK + agent * SUBNET_SIZE + 1;
}

/** Address of the first 4,096 clients of an agent. */
export function firstClientAddress(agent: number): number {
  return FIRST_NETWORK + agent * SUBNET_SIZE + FIRST_CLIENT;
}

/** Where all clients of an agent are, such as `198.18.16.0/20` of agent 1. */
export function clientSubnet(agent: number): string {
  return `${addressText(FIRST_NETWORK + agent * SUBNET_SIZE)}/${SUBNET_BITS}`;
}

/** Where a server in the same network namespace is reached, as text. */
export const PACKET_SERVER_HOST = '198.18.0.1';

/** An IPv4 address as a number. */
export function addressNumber(text: string): number {
  return text.split('.').reduce((address, part) => address * 256 + Number(part), 0);
}

/** And as text. */
export function addressText(address: number): string {
  return [24, 16, 8, 0].map((bits) => (address >>> bits) & 0xff).join('.');
}

/**
 * Whether two networks, such as `198.18.0.0/15`, have an address in common; without a length it is one address.
 */
export function overlap(one: string, other: string): boolean {
  const [first, second] = [one, other].map((network) => {
    const [address = '', bits = '32'] = network.split('/');
    const size = 2 ** (32 - Number(bits));
    const start = Math.floor(addressNumber(address) / size) * size;
    return { start, end: start + size };
  }) as [Range, Range];
  return first.start < second.end && second.start < first.end;
}

interface Range {
  start: number;
  end: number;
}
