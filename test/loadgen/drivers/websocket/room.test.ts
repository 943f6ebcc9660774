import { broadcastDialect } from '../../../fixtures/websocket-dialects.js';
import { startRelay } from '../../../fixtures/websocket-relay.js';
import { conforms } from '../../../support/conformance.js';
import { webSocketPlan } from '../../../support/websocket.js';

conforms('the websocket driver with a room that everybody is in', {
  driver: webSocketPlan({ preset: 'broadcast-room' }),
  start: (faults) => startRelay(broadcastDialect, faults),
  change: (scenario) => {
    scenario.groups = { members: 40, share: 1 };
  },
});
