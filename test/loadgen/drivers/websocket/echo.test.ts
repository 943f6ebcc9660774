import { echoDialect } from '../../../fixtures/websocket-dialects.js';
import { startRelay } from '../../../fixtures/websocket-relay.js';
import { conforms } from '../../../support/conformance.js';
import { webSocketPlan } from '../../../support/websocket.js';

conforms('the websocket driver with an echo', {
  driver: webSocketPlan({ preset: 'echo' }),
  start: (faults) => startRelay(echoDialect, faults),
});
