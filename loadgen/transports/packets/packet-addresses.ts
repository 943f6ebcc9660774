/** An agent's device has a subnet of its own within 10.0.0.0/8: 2^19 addresses, 4,096 clients each. */
export const SUBNET_BITS = 13;
const FIRST_NETWORK = 0x0a_00_00_00;
const SUBNET_SIZE = 2 ** (32 - SUBNET_BITS);
export const MOST_PACKET_AGENTS = 2 ** (SUBNET_BITS - 8);

/** The kernel's address on the device of an agent; that of agent 0 is where the server listens. */
export function deviceAddress(agent: number): number {
  return FIRST_NETWORK + agent * SUBNET_SIZE + 1;
}

/** Where a server in the same network namespace is reached, as text. */
export const PACKET_SERVER_HOST = '10.0.0.1';
