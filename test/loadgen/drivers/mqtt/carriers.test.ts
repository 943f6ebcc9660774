import { expect, test } from 'vitest';
import { loadCertificate } from '../../../../server/gateway/certificate.js';
import { ALL_ARRIVE, runOnMosquitto } from '../../../support/mosquitto.js';

test.each(['tls', 'ws', 'wss'] as const)('mosquitto is reached over %s', async (protocol) => {
  const certificate = await loadCertificate(undefined);
  const options = protocol === 'ws' ? { protocol } : { protocol, certificate };
  const { messages } = await runOnMosquitto({ version: 5 }, undefined, options);
  expect(messages).toMatchObject({ ...ALL_ARRIVE, delivered: 200 });
});
