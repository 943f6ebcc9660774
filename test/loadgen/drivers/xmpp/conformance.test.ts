import { xmppSchema } from '../../../../scenarios/drivers/xmpp-schema.js';
import { startXmppServer } from '../../../fixtures/xmpp-server.js';
import { conforms } from '../../../support/conformance.js';

conforms('the xmpp driver', {
  driver: { name: 'xmpp', settings: xmppSchema.parse({}) },
  start: (faults) => startXmppServer({ faults }),
});
