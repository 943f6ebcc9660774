import { jsonChatDialect } from '../../../fixtures/websocket-dialects.js';
import { startRelay } from '../../../fixtures/websocket-relay.js';
import { conforms } from '../../../support/conformance.js';
import { webSocketPlan } from '../../../support/websocket.js';

conforms('the websocket driver with a JSON chat, in pairs and in rooms', {
  driver: webSocketPlan({ preset: 'json-chat' }),
  start: (faults) => startRelay(jsonChatDialect, faults),
  change: (scenario) => {
    scenario.groups = { members: 4, share: 0.5 };
  },
});
