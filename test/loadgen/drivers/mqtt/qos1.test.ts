import { startMqttServer } from '../../../fixtures/mqtt-server.js';
import { conforms } from '../../../support/conformance.js';
import { mqttDriver } from '../../../support/mqtt.js';

conforms('mqtt 3.1.1 with qos 1', { driver: mqttDriver({ version: 4, qos: 1 }), start: startMqttServer });
