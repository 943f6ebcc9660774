import type { Finding } from './finding.js';
import { mapOf, rawTarget } from './raw-scenario.js';

/** What only the server's admin port tells. */
const ADMIN_ONLY =
  /^\s*(backlog\.|memory\.bytesPerConnection\.(server|total)\b|phases\.[^.\s]+\.memory\.server)/;

/** Positions of the gates that the target can never tell the figure of: it is external, and has no admin port. */
export function untoldGates(content: unknown): number[] {
  const { kind, keys } = rawTarget(content);
  const { gates } = mapOf(content);
  if (kind !== 'external' || keys.admin !== undefined || !Array.isArray(gates)) return [];
  return gates.flatMap((gate, index) => (typeof gate === 'string' && ADMIN_ONLY.test(gate) ? [index] : []));
}

/** What to say of such gates where whoever wrote them knew the target: each would fail at the end of every run. */
export function untoldGateFindings(indexes: readonly number[]): Finding[] {
  return indexes.map((index) => ({
    path: ['gates', index],
    message:
      'asks for what a server tells at its admin port, and this target has none; write target.admin, or leave the gate out',
  }));
}
