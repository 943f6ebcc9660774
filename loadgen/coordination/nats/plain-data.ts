const DEEPEST = 32;
const MOST_VALUES = 100_000;

/**
 * Whether parsed JSON may be handed on: what is nested without end cannot be serialized again, and __proto__ is a key of
 * nothing that was meant well.
 */
export function isPlainData(data: unknown): boolean {
  let level: unknown[] = [data];
  let values = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    values += level.length;
    if (depth > DEEPEST || values > MOST_VALUES) return false;
    const objects = level.filter((each) => typeof each === 'object' && each !== null) as object[];
    if (objects.some((each) => Object.hasOwn(each, '__proto__'))) return false;
    level = objects.flatMap((each) => Object.values(each));
  }
  return true;
}
