/** Works on all of `items`, at most `atOnce` at a time: each may hold a descriptor. @throws what `work` throws first */
export async function forEachBounded<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const takeNext = async () => {
    // All of them take from the one iterator, so each item is taken once.
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, takeNext));
}
