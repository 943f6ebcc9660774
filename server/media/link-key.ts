import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { closeToOthers, FILE_MODE, writeWhole } from './private-files.js';

const SECRET_BYTES = 32;
const KEY_BYTES = 16;

/** What opens a file to whoever was sent its link; from a secret of the folder, so links live as long as that. */
export class LinkKeys {
  readonly #secret: Buffer;

  private constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** @throws Error that names the secret where it is not whole: with an empty one everybody could make keys */
  static async open(folder: string): Promise<LinkKeys> {
    const path = join(folder, 'secret');
    let secret = await readUnlessMissing(path);
    if (secret === undefined) {
      secret = randomBytes(SECRET_BYTES);
      await writeWhole(path, secret);
    }
    if (secret.length !== SECRET_BYTES) {
      throw new Error(
        `${path}: it has ${secret.length} bytes instead of ${SECRET_BYTES}; restore it, or delete it: a new one is made, and the links of before open nothing`,
      );
    }
    await closeToOthers(path, FILE_MODE);
    return new LinkKeys(secret);
  }

  keyOf(hash: string): string {
    return createHmac('sha256', this.#secret)
      .update(hash)
      .digest()
      .subarray(0, KEY_BYTES)
      .toString('base64url');
  }

  isKey(hash: string, given: string): boolean {
    const expected = Buffer.from(this.keyOf(hash));
    const presented = Buffer.from(given);
    return presented.length === expected.length && timingSafeEqual(presented, expected);
  }
}

async function readUnlessMissing(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
