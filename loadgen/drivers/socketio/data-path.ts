/** Where something is in data: keys of maps, and numbers in lists. */
export type DataPath = readonly string[];

export function dataPath(text: string): DataPath {
  return text.split('.');
}

/** Hot path. What is there; undefined: nothing. */
export function valueAt(data: unknown, path: DataPath): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** A whole number, also where a text holds its digits; undefined: none. */
export function wholeNumberAt(data: unknown, path: DataPath): number | undefined {
  const value = valueAt(data, path);
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
