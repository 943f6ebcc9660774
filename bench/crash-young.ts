import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../loadgen/random.js';
import { CrashServer, CrashServerError, SHAPES, type Shape } from './crash-server.js';

const YOUNG_MS = 300;
/** Of the time that a whole start takes here: where starting is slow, 300 ms reach no store. */
const SHARE_OF_A_START = 1.1;

/**
 * Servers that are killed while they begin, on folders that are new: each folder must open afterwards.
 * @returns the words of those that were refused, and what the starts afterwards took at most
 */
export async function stressYoungServers(
  servers: number,
  random: Random,
  temporaryFolder: string,
  progress: (done: number, refused: number) => void,
): Promise<{ refused: string[]; startMs: number }> {
  const refused: string[] = [];
  let startMs = 0;
  for (let each = 0; each < servers; each += 1) {
    const parent = mkdtempSync(join(temporaryFolder, 'young-'));
    const store = { folder: join(parent, 'store'), temporaryFolder: parent };
    const shape = SHAPES[random.below(SHAPES.length)] as Shape;
    const afterMs = random.below(Math.max(YOUNG_MS, startMs * SHARE_OF_A_START));
    try {
      await CrashServer.startAndKill(shape, store, () => sleep(afterMs));
      const server = await CrashServer.start(shape, store);
      startMs = Math.max(startMs, server.startMs);
      await server.kill();
      // The one that was killed with an empty store at work.
      await (await CrashServer.start(shape, store)).kill();
    } catch (error) {
      if (!(error instanceof CrashServerError)) throw error;
      refused.push(`killed after ${afterMs} ms: ${error.message}`);
      await CrashServer.killEverything();
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
    progress(each + 1, refused.length);
  }
  return { refused, startMs };
}
