import type { Meaning, WebSocketSettings } from '../../../scenarios/drivers/websocket-settings.js';
import type { Driver } from '../driver.js';
import { settingsProblems } from './settings-problems.js';
import { WebSocketClients } from './websocket-clients.js';

/** Any protocol in WebSocket messages, as templates and matchers of a scenario say. */
export const driver: Driver<WebSocketSettings> = {
  name: 'websocket',
  promises: ({ match, sendToGroup, claims }) => {
    const tells = (meaning: Meaning): boolean => match.some(({ means }) => means === meaning);
    return {
      accepted: tells('accepted'),
      receipt: tells('receipted'),
      groups: sendToGroup !== null,
      marksRedelivery: match.some(({ fields }) => fields.redelivery !== undefined),
      ...claims,
    };
  },
  framing: ({ messages, subprotocols }) => ({
    carriers: ['ws', 'wss'],
    webSocketMessages: messages,
    subprotocols,
  }),
  groupsNeed: 'write sendToGroup, and join where a room has to be entered',
  problems: settingsProblems,
  create: (settings, clients, events) => new WebSocketClients(settings, clients, events),
};
