import { NEWEST_CODEC, OLDEST_CODEC } from '../bus/bus-codec.js';
import type { Peer } from './membership.js';

/** How subjects and the headers of batches look; a change of it is another bus, which this one does not hear. */
export const BUS_MAJOR = 1;

/** What this build speaks: its own version, and that of the release before, so that a cluster is replaced node by node. */
export const BUS_VERSIONS: Peer['versions'] = { oldest: OLDEST_CODEC, newest: NEWEST_CODEC };

/** Two peers have no version of the bus in common. */
export class BusVersionError extends Error {
  readonly code = 'C2M_BUS_VERSION';
}

/**
 * The version that two peers speak with each other: the newest that both know.
 * @throws BusVersionError where there is none, with what to do
 */
export function commonVersion(self: Peer, other: Peer): number {
  const version = Math.min(self.versions.newest, other.versions.newest);
  if (version >= self.versions.oldest && version >= other.versions.oldest) return version;
  const [older, newer] = self.versions.newest < other.versions.newest ? [self, other] : [other, self];
  throw new BusVersionError(
    `node ${other.node} (peer ${other.number}) speaks ${words(other)} of the bus and node ${self.node} (peer ` +
      `${self.number}) ${words(self)}: nothing is said between them; replace node ${older.node} by a release that also ` +
      `speaks version ${newer.versions.oldest}, and go from release to release without leaving one out`,
  );
}

function words({ versions: { oldest, newest } }: Peer): string {
  return oldest === newest ? `version ${oldest}` : `versions ${oldest} to ${newest}`;
}
