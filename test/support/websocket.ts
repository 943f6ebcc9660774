import type { DriverPlan } from '../../loadgen/agent-messages.js';
import { driverSchema } from '../../scenarios/driver-schema.js';
import type { WebSocketSettings } from '../../scenarios/drivers/websocket-settings.js';

/** What a scenario with these keys at `target.driver.websocket` makes of them. */
export function webSocketSettings(keys: Record<string, unknown>): WebSocketSettings {
  return driverSchema.parse({ websocket: keys }).settings as unknown as WebSocketSettings;
}

export function webSocketPlan(keys: Record<string, unknown>): DriverPlan {
  return { name: 'websocket', settings: webSocketSettings(keys) };
}
