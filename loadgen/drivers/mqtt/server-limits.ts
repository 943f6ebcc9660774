import type { IConnackPacket } from 'mqtt-packet';
import { formatQuantity } from '../../../record/quantity.js';
import type { MqttSettings } from '../../../scenarios/drivers/mqtt-schema.js';
import type { ClientEvents, ClientRange } from '../driver.js';
import { KEEPALIVE_SLACK } from './rare-packets.js';
import { Reason, reasonName } from './reason-names.js';

/**
 * What a server of MQTT 5 says in its CONNACK against what clients asked for (section 3.2.2.3). It has the last word, and
 * readers of the record are told where that changes what they measure.
 * @returns why the client cannot go on; undefined: it can
 */
export function heedServer(
  properties: NonNullable<IConnackPacket['properties']>,
  settings: MqttSettings,
  { heartbeatMs }: ClientRange,
  events: ClientEvents,
): string | undefined {
  const { qos, share } = settings;
  const { maximumQoS, sharedSubscriptionAvailable, serverKeepAlive, sessionExpiryInterval } = properties;
  const mostQos = figure(maximumQoS, qos);
  if (mostQos < qos) {
    events.note?.(
      `the server takes messages of QoS ${mostQos} at most; write target.driver.mqtt.qos: ${mostQos}`,
    );
    return reasonName(Reason.QosNotSupported);
  }
  if (share !== undefined && sharedSubscriptionAvailable === false) {
    events.note?.('the server has no shared subscriptions; leave out target.driver.mqtt.share');
    return reasonName(Reason.SharedSubscriptionsNotSupported);
  }
  heedKeepAlive(figure(serverKeepAlive, 0) * 1000, heartbeatMs, events);
  heedExpiry(figure(sessionExpiryInterval, Number.POSITIVE_INFINITY) * 1000, settings, events);
  return undefined;
}

/** Zero: the server does not look for signs of life. */
function heedKeepAlive(keepAliveMs: number, heartbeatMs: number, events: ClientEvents): void {
  if (keepAliveMs === 0 || heartbeatMs < keepAliveMs) return;
  const everyMs = Math.floor(keepAliveMs / KEEPALIVE_SLACK);
  const words = (ms: number): string => formatQuantity('duration', ms);
  events.wantsKeepaliveEvery?.(everyMs);
  events.note?.(
    `the server wants a sign of life within ${words(keepAliveMs)} (Server Keep Alive): clients give one each ` +
      `${words(everyMs)}, not each ${words(heartbeatMs)} as clients.heartbeat says`,
  );
}

function heedExpiry(
  expiryMs: number,
  { cleanSession, sessionExpiry }: MqttSettings,
  events: ClientEvents,
): void {
  if (cleanSession || expiryMs >= sessionExpiry) return;
  const words = (ms: number): string => formatQuantity('duration', ms);
  events.note?.(
    `the server keeps a session for ${words(expiryMs)} without a connection, not for ${words(sessionExpiry)} as ` +
      'target.driver.mqtt.sessionExpiry says: who is away for longer misses messages',
  );
}

/** What a server says of itself: nothing, or, against the protocol, more than once. */
export function figure(value: unknown, otherwise: number): number {
  return typeof value === 'number' && value >= 0 ? value : otherwise;
}
