import { parseQuantity, type QuantityKind, UnitError } from '../record/quantity.js';
import { expandDriver } from './driver-schema.js';
import type { Path } from './path.js';
import type { Target } from './scenario.js';
import { expandTarget } from './target-schema.js';

/**
 * A scenario as YAML holds it, before it is known to be one: whoever reads it here gets what is right in it, and nothing
 * for what is not. So what two parts say of each other can be told while a third is still wrong.
 */
export type RawMap = Record<string, unknown>;

/** The value as a map; empty where it is none. */
export function mapOf(value: unknown): RawMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawMap) : {};
}

/** The value as a list of maps, what is none left empty. */
export function mapsOf(value: unknown): RawMap[] {
  return Array.isArray(value) ? value.map(mapOf) : [];
}

/** A figure in the kind's own unit; undefined where it is none. */
export function figureOf(kind: QuantityKind, value: unknown): number | undefined {
  try {
    return parseQuantity(kind, value);
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    return undefined;
  }
}

/** What the target is, as far as that can be told: undefined where it is none of them or several. */
export function rawTarget(content: unknown): { kind: Target['kind'] | undefined; keys: RawMap } {
  const keys = mapOf(expandTarget(mapOf(content).target));
  const [isEmbedded, isAddressed] = [keys.embedded !== undefined, keys.addresses !== undefined];
  if (isEmbedded === isAddressed) return { kind: undefined, keys };
  if (isEmbedded) return { kind: 'embedded', keys };
  return { kind: keys.command === undefined ? 'external' : 'command', keys };
}

/** The file of a driver of the scenario's own, and where it is named; undefined: it has none. */
export function rawDriverFile(content: unknown): { path: Path; file: string } | undefined {
  const { driver } = rawTarget(content).keys;
  const { file } = mapOf(mapOf(expandDriver(driver)).own);
  if (typeof file !== 'string') return undefined;
  return { path: ['target', 'driver', ...(typeof driver === 'string' ? [] : ['own', 'file'])], file };
}

/** A file with who clients of NATS are, and where it is named; undefined: there is none. */
export function rawCredentialsFile(content: unknown): { path: Path; file: string } | undefined {
  const { credentialsFile: file } = mapOf(mapOf(expandDriver(rawTarget(content).keys.driver)).nats);
  return typeof file === 'string'
    ? { path: ['target', 'driver', 'nats', 'credentialsFile'], file }
    : undefined;
}
