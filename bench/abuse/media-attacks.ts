import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AttackContext, inLanes } from './attack-context.js';
import { ask, breakOff, mediaFile } from './media-client.js';

const USER = 1000;
/** What the cases allow for all media. */
export const MEDIA_TOTAL_BYTES = 64 * 2 ** 20;
const MOST_UNFINISHED = 60;
const LONGEST_UPLOAD_MS = 16;
const UNFINISHED_BYTES = 8 * 2 ** 20;

/** 30 users upload the same file at once. Who is told 201 or 200 has it. */
export async function sameFile(context: AttackContext): Promise<void> {
  let round = 0;
  await inLanes(1, context, async () => {
    round += 1;
    const file = mediaFile(Buffer.alloc(20_000, `round ${round} `), 'application/pdf');
    const users = Array.from({ length: 30 }, (_, index) => USER + index);
    const statuses = await Promise.all(users.map((user) => ask(context, 'PUT', user, file)));
    if (statuses.some((status) => status >= 500 || status === 0))
      context.tally.fault('a PUT was answered 5xx or not at all');
    const taken = users.filter((_, index) => statuses[index] === 201 || statuses[index] === 200);
    const got = await Promise.all(taken.map((user) => ask(context, 'GET', user, file)));
    const gone = got.filter((status) => status !== 200).length;
    if (gone > 0) {
      context.tally.told('file kept, and not there', gone);
      context.tally.fault('a user was told that a file is kept, and does not have it');
    }
  });
}

/** One user uploads what another deletes at the same moment: that is no loss of the first one's. */
export async function putAndDelete(context: AttackContext): Promise<void> {
  let round = 0;
  await inLanes(8, context, async (lane) => {
    round += 1;
    const file = mediaFile(Buffer.alloc(20_000, `lane ${lane} round ${round} `), 'application/pdf');
    const [keeper, other] = [USER + 2 * lane, USER + 2 * lane + 1];
    await ask(context, 'PUT', other, file);
    const [kept, deleted] = await Promise.all([
      ask(context, 'PUT', keeper, file),
      // At every moment of the upload, by turns.
      sleep(round % LONGEST_UPLOAD_MS).then(() => ask(context, 'DELETE', other, file)),
    ]);
    if (kept >= 500 || deleted >= 500) context.tally.fault('a PUT or DELETE was answered 5xx');
    if (kept !== 201 && kept !== 200) return;
    if ((await ask(context, 'GET', keeper, file)) === 200) return;
    context.tally.told('file kept, and not there');
    context.tally.fault('a user was told that a file is kept, and does not have it');
  });
}

/** Uploads that are broken off before their last byte, each of another file. */
export async function unfinishedUploads(context: AttackContext): Promise<void> {
  let count = 0;
  let most = 0;
  const folder = join(context.folder, 'media');
  await inLanes(4, context, async () => {
    // Enough to show it, and no more: the disk is others' too.
    if (count >= MOST_UNFINISHED) return context.over;
    count += 1;
    await breakOff(
      context,
      USER,
      createHash('sha256').update(`file ${count}`).digest('hex'),
      UNFINISHED_BYTES,
    );
    most = Math.max(most, folderBytes(folder));
  });
  context.tally.did('MiB on the disk at most', Math.round(most / 2 ** 20));
  if (most > MEDIA_TOTAL_BYTES)
    context.tally.fault(
      `unfinished uploads took ${Math.round(most / 2 ** 20)} MiB of the disk; totalBytes is ${MEDIA_TOTAL_BYTES / 2 ** 20} MiB`,
    );
}

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
