import { startMqttServer } from '../../../fixtures/mqtt-server.js';
import { conforms } from '../../../support/conformance.js';
import { mqttDriver } from '../../../support/mqtt.js';

conforms('mqtt 5 with qos 2', { driver: mqttDriver({ version: 5, qos: 2 }), start: startMqttServer });
