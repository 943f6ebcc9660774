import { driverSchema } from '../../../../scenarios/driver-schema.js';
import { startNatsFixture } from '../../../fixtures/nats-server.js';
import { conforms } from '../../../support/conformance.js';

conforms('the nats driver, on JetStream', {
  driver: driverSchema.parse({ nats: { mode: 'jetstream' } }),
  start: startNatsFixture,
});
