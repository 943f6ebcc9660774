import chalk from 'chalk';
import { NATIVE_PARTS, type NativePart, whyMissing } from '../native/native-part.js';

/** A native part of c2m, as `c2m doctor` has found it. */
export interface FoundPart {
  part: NativePart;
  /** Null: it is there, and works. */
  missing: string | null;
}

export function findNativeParts(): Promise<FoundPart[]> {
  const parts = Object.keys(NATIVE_PARTS) as NativePart[];
  return Promise.all(parts.map(async (part) => ({ part, missing: await whyMissing(part) })));
}

/** Each with what it is for, and of one that is missing what to do. */
export function nativePartRows(found: readonly FoundPart[]): [string, string][] {
  return found.map(({ part, missing }) => {
    const { does, without } = NATIVE_PARTS[part];
    if (missing === null) return [part, `there: ${does}`];
    return [part, `${chalk.yellow('missing')} (${missing}): ${does}; npm install ${part}, or ${without}`];
  });
}
