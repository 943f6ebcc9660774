import { setImmediate as afterReading } from 'node:timers/promises';

/**
 * Whether something is so, and still is when all has been read that came meanwhile. A process that was busy or stopped finds
 * its timers due before it has read what others said in that time: silence means nothing until then.
 */
export async function isStillSo(isSo: () => boolean): Promise<boolean> {
  if (!isSo()) return false;
  // The event loop reads between two of these; the second is for what a stream hands on a turn later.
  await afterReading();
  await afterReading();
  return isSo();
}
