import { LARGEST_PEER, MOST_HOMES } from './membership.js';

/**
 * Whom homes and gateways of a cluster speak of: what they know as the number of a process is an address. 0 to `homes` - 1 are
 * the homes, wherever they are; behind them the connections of each peer, by its number.
 */
export class HomeAddresses {
  readonly homes: number;

  /** @throws RangeError for a number of homes that a cluster cannot have */
  constructor(homes: number) {
    if (!Number.isInteger(homes) || homes < 1 || homes > MOST_HOMES)
      throw new RangeError(`${homes} homes: a cluster has 1 to ${MOST_HOMES}`);
    this.homes = homes;
  }

  /** Hot path. */
  isHome(address: number): boolean {
    return address < this.homes;
  }

  /** The connections of a peer. @throws RangeError for what is no number of a peer */
  gatewayOf(peer: number): number {
    if (!isPeerNumber(peer))
      throw new RangeError(`peer ${peer}: peers are numbered from 1 to ${LARGEST_PEER}`);
    return this.homes + peer;
  }

  /** Hot path. The peer that has the connections of an address that is no home. */
  peerOf(gateway: number): number {
    return gateway - this.homes;
  }
}

function isPeerNumber(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= LARGEST_PEER;
}
