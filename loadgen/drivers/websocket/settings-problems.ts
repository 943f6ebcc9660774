import type { WebSocketSettings } from '../../../scenarios/drivers/websocket-settings.js';
import { hasVariable } from '../../../scenarios/drivers/websocket-template.js';
import type { Scenario } from '../../../scenarios/scenario.js';
import { largestSize } from '../../agent/message-size.js';

const BASE64_GROWTH = 4 / 3;
/** What may stand around a payload. */
const ENVELOPE_BYTES = 1024;

/** What a scenario asks for that its templates have no words for. */
export function settingsProblems(
  { send, sendToGroup, join, limits, claims }: WebSocketSettings,
  { groups, clients, messages }: Pick<Scenario, 'groups' | 'clients' | 'messages'>,
): string[] {
  const key = 'target.driver.websocket';
  const isGroupsOnly = groups !== null && groups.share === 1;
  const isOneRoom = sendToGroup !== null && join.length === 0 && !hasVariable(sendToGroup, 'group');
  // Whoever has no group to write to writes to its partner; of an odd number of clients the last has none.
  const hasPartner = claims.recipient === 'sender' || clients.count % 2 === 0;
  const isLastAlone = groups !== null && clients.count % groups.members === 1 && hasPartner;
  const needed = Math.ceil(largestSize(messages.size) * BASE64_GROWTH) + ENVELOPE_BYTES;
  return [
    ...(send === null && !isGroupsOnly
      ? [
          `${key}.send: is missing, and sendToGroup alone needs all messages to go to groups; write groups: {members: ${clients.count}}, or send`,
        ]
      : []),
    ...(send === null && isGroupsOnly && isLastAlone
      ? [
          `groups.members: the last of ${clients.count} clients is alone in its group, and ${key}.send for its partner is missing; write send, or another number of members`,
        ]
      : []),
    ...(groups && isOneRoom && groups.members < clients.count
      ? [
          `groups.members: ${groups.members} of ${clients.count} clients are a group, but ${key}.sendToGroup names no {{group}}: all clients are in one room; write groups: {members: ${clients.count}}`,
        ]
      : []),
    ...(needed > limits.largestMessageBytes
      ? [
          `${key}.largestMessage: messages.size takes ${needed} bytes in Base64; write ${Math.ceil(needed / 1024)}KiB or more`,
        ]
      : []),
  ];
}
