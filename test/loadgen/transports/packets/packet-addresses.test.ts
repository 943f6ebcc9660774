import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressNumber,
  addressText,
  CLIENT_NETWORK,
  clientSubnet,
  deviceAddress,
  firstClientAddress,
  MOST_PACKET_AGENTS,
  MOST_PACKET_CLIENTS,
  overlap,
  PACKET_SERVER_HOST,
} from '../../../../loadgen/transports/packets/packet-addresses.js';

const agents = Array.from({ length: MOST_PACKET_AGENTS }, (_, agent) => agent);
const address = fc.nat(0xff_ff_ff_ff);

describe('the addresses of packet clients', () => {
  test('each agent has a subnet of its own, all of them within the network for measurements', () => {
    expect(new Set(agents.map(clientSubnet)).size).toBe(32);
    for (const agent of agents) {
      expect(overlap(clientSubnet(agent), CLIENT_NETWORK)).toBe(true);
      for (const other of agents)
        expect(overlap(clientSubnet(agent), clientSubnet(other))).toBe(agent === other);
    }
    expect([0, 1, 16, 31].map(clientSubnet)).toEqual([
      '198.18.0.0/20',
      '198.18.16.0/20',
      '198.19.0.0/20',
      '198.19.240.0/20',
    ]);
  });

  test('the kernel, and the first and the last client of an agent, have addresses of its subnet', () => {
    for (const agent of agents) {
      const last = firstClientAddress(agent) + Math.floor((MOST_PACKET_CLIENTS - 1) / 4096);
      for (const each of [deviceAddress(agent), firstClientAddress(agent), last])
        expect(overlap(addressText(each), clientSubnet(agent))).toBe(true);
    }
    expect(addressText(deviceAddress(0))).toBe(PACKET_SERVER_HOST);
  });

  test('are the same as text and as a number', () => {
    fc.assert(
      fc.property(address, (each) => {
        expect(addressNumber(addressText(each))).toBe(each);
      }),
    );
  });

  test('two networks overlap where one holds the first address of the other', () => {
    const network = fc.tuple(address, fc.integer({ min: 0, max: 32 }));
    const holds = ([from, bits]: [number, number], each: number): boolean =>
      Math.floor(from / 2 ** (32 - bits)) === Math.floor(each / 2 ** (32 - bits));
    const firstOf = ([from, bits]: [number, number]): number =>
      Math.floor(from / 2 ** (32 - bits)) * 2 ** (32 - bits);
    const text = ([from, bits]: [number, number]): string => `${addressText(from)}/${bits}`;
    fc.assert(
      fc.property(network, network, (one, other) => {
        const expected = holds(one, firstOf(other)) || holds(other, firstOf(one));
        expect(overlap(text(one), text(other))).toBe(expected);
      }),
    );
  });
});
