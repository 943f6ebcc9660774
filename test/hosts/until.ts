/** Resolves at that time of the wall clock: a fault lasts as long as its test says. */
export function until(atMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - Date.now())));
}
