/** The first of the promises, or undefined after `ms`; leaves no timer behind. */
export async function within<T>(ms: number, ...promises: Promise<T>[]): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, ms));
  });
  try {
    return await Promise.race([...promises, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}
