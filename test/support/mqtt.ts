import type { DriverPlan } from '../../loadgen/agent-messages.js';
import { type MqttSettings, mqttSchema } from '../../scenarios/drivers/mqtt-schema.js';

export function mqttSettings(settings: Record<string, unknown> = {}): MqttSettings {
  return mqttSchema.parse(settings);
}

/** As a scenario chooses it. */
export function mqttDriver(settings: Record<string, unknown> = {}): DriverPlan {
  return { name: 'mqtt', settings: mqttSettings(settings) };
}
