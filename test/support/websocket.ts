import { expect } from 'vitest';
import type { DriverPlan } from '../../loadgen/agent-messages.js';
import { driver } from '../../loadgen/drivers/websocket/websocket-driver.js';
import { driverSchema } from '../../scenarios/driver-schema.js';
import type { WebSocketSettings } from '../../scenarios/drivers/websocket-settings.js';
import { toldBy } from './conformance.js';
import { buffered } from './output.js';

export const FIRST_USER = 1001;

/** What a scenario with these keys at `target.driver.websocket` makes of them. */
export function webSocketSettings(keys: Record<string, unknown>): WebSocketSettings {
  return driverSchema.parse({ websocket: keys }).settings as unknown as WebSocketSettings;
}

export function webSocketPlan(keys: Record<string, unknown>): DriverPlan {
  return { name: 'websocket', settings: webSocketSettings(keys) };
}

/** Four clients, of users 1001 to 1004; what they say, and what is told of them. */
export function startClients(keys: Record<string, unknown>, groupMembers: number | null = null) {
  const events: string[] = [];
  const out = buffered();
  const range = { count: 4, firstUser: FIRST_USER, run: 7, groupMembers, heartbeatMs: 10_000 };
  const protocol = driver.create(webSocketSettings(keys), range, toldBy(events));
  const said = (): string[] => out.takeMessages().map((each) => each.toString('latin1'));
  return {
    protocol,
    out,
    said,
    /** What was told since it was asked last. */
    told: () => events.splice(0),
    /** A message of the server for client 0; what it has said and what was told since then. */
    hear: (message: string | Buffer) => {
      events.length = 0;
      const bytes = Buffer.from(message as string);
      expect(protocol.received(0, bytes, out)).toBe(bytes.length);
      return { said: said(), events: events.splice(0) };
    },
    open: () => {
      events.length = 0;
      protocol.opened(0, out);
      return { said: said(), events: events.splice(0) };
    },
  };
}
