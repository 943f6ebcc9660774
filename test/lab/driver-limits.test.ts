import { describe, expect, test } from 'vitest';
import { planTarget } from '../../lab/target.js';
import { InputError } from '../../record/input-error.js';
import { parseScenario } from '../../scenarios/load.js';

/** What is wrong with a scenario whose target is this, before anything is started. */
async function problemOf(target: string, more = ''): Promise<string> {
  const scenario = parseScenario(
    `name: any
target: ${target}
clients: { count: 10 }
phases: [{ name: talk, duration: 1s, rate: 10/s }]
${more}`,
    'any.yaml',
  );
  return planTarget(scenario).then(
    () => '',
    (error) => {
      expect(error).toBeInstanceOf(InputError);
      return error.message;
    },
  );
}

const MQTT = '{ addresses: ["tcp://127.0.0.1:1883"], driver: { mqtt: { qos: 0 } } }';

describe('what a protocol cannot do is an error of the input:', () => {
  test('a gate on what it cannot tell, with the setting that makes it so', async () => {
    const gates = 'gates: [latency.accepted.p99 < 1s, messages.receipted > 0, messages.lost == 0]';
    expect(await problemOf(MQTT, gates)).toBe(
      'gates: latency.accepted.p99 < 1s: mqtt with qos 0 cannot tell when a message is accepted; leave the gate out\n' +
        'gates: messages.receipted > 0: mqtt with qos 0 cannot tell the sender that its message has arrived; leave the gate out',
    );
    expect(await problemOf(MQTT, 'gates: [messages.lost == 0, messages.outOfOrder == 0]')).toBe('');
  });

  test('groups that it does not have, and what to do', async () => {
    const target = '{ addresses: ["tcp://127.0.0.1:5222"], driver: { xmpp: { domain: localhost } } }';
    expect(await problemOf(target, 'groups: { members: 4 }')).toMatch(
      /^groups: xmpp has no groups; write receipts: false/,
    );
  });

  test('an address that it is not carried by', async () => {
    expect(
      await problemOf('{ addresses: ["tcp://127.0.0.1:3000"], driver: { websocket: { preset: echo } } }'),
    ).toBe('target.addresses: websocket is not carried by tcp; write ws, wss');
  });

  test('media, which only our own server has', async () => {
    const target = MQTT.replace('], driver', '], media: "http://127.0.0.1:9465", driver');
    const more = 'messages: { size: 4KiB }\nmedia: { uploads: 1/s, downloads: 1/s }';
    expect(await problemOf(target, more)).toContain(
      'media: are sent to the media port of a c2m server; leave them out',
    );
  });
});
