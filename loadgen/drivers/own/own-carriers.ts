import type { WireProtocol } from '../../../scenarios/scenario.js';

const ALL: readonly WireProtocol[] = ['tcp', 'tls', 'ws', 'wss'];

/**
 * What carries a driver of somebody's own: all there is, if it does not say.
 * @param place names it in the error
 * @throws Error
 */
export function completeCarriers(given: unknown, place: string): readonly WireProtocol[] {
  if (given === undefined) return ALL;
  if (Array.isArray(given) && given.length > 0 && given.every((each) => ALL.includes(each))) return given;
  throw new Error(`${place} must be a list of ${ALL.join(', ')}`);
}
