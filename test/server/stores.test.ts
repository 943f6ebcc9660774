import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType, type ItemFrame } from '../../protocol/frame.js';
import { itemOf, type MailboxItem } from '../../server/home/mailbox-item.js';
import { LmdbStore } from '../../server/store/lmdb-store.js';
import { MemoryStore } from '../../server/store/memory-store.js';
import type { Store } from '../../server/store/store.js';
import { homeFolder, takeStoreFolder } from '../../server/store/store-folder.js';
import { KeyKind, numbersKey } from '../../server/store/store-keys.js';
import { testFolder } from '../support/folder.js';

const ANNA = 1;
const BERT = 2 ** 53 - 1;
const GROUP = ANNA;

function message(sequence: number, { from = ANNA, id = sequence, atMs = 1000 } = {}): MailboxItem {
  const payload = Buffer.from(`message ${id}`);
  return item({ type: FrameType.Deliver, sequence, flags: 0, from, id, payload }, atMs);
}

function toGroup(sequence: number, number: number): MailboxItem {
  const payload = Buffer.from(`number ${number}`);
  return item({
    type: FrameType.GroupDeliver,
    sequence,
    flags: 0,
    group: GROUP,
    number,
    from: ANNA,
    id: 7,
    payload,
  });
}

function receipt(sequence: number, by: number, id: number): MailboxItem {
  return item({ type: FrameType.Receipt, sequence, flags: 0, by, id });
}

function item(content: ItemFrame, atMs = 1000): MailboxItem {
  return itemOf(content, atMs, encodeFrame(content));
}

async function lmdbFolder(homes = 1): Promise<string> {
  const folder = testFolder();
  (await takeStoreFolder(folder, homes)).release();
  return folder;
}

function openLmdbStore(folder: string, home = 0): LmdbStore {
  return new LmdbStore({ folder: homeFolder(folder, home), sync: false, maxBytes: 1e9 });
}

const stores: [string, () => Promise<Store>][] = [
  ['in memory', async () => new MemoryStore()],
  ['in lmdb', async () => openLmdbStore(await lmdbFolder())],
];

describe.each(stores)('mailboxes %s', (_name, open) => {
  test('hold, give and delete items as a list would', async () => {
    const operation = fc.oneof(
      fc.record({ do: fc.constant('append' as const), times: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ do: fc.constant('remove' as const), ahead: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ do: fc.constant('read' as const), skip: fc.nat(20), limit: fc.nat(20) }),
    );
    const store = await open();
    let user = 0;
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        user += 1;
        const before = store.length;
        let model: MailboxItem[] = [];
        let last = 0;
        let removed = 0;
        for (const step of operations) {
          if (step.do === 'append') {
            for (let i = 0; i < step.times; i += 1) {
              last += 1;
              const item = [receipt(last, BERT, last), message(last), toGroup(last, last)][
                last % 3
              ] as MailboxItem;
              store.append(user, item);
              model.push(item);
            }
          } else if (step.do === 'remove') {
            const through = Math.min(removed + step.ahead, last);
            expect(store.remove(user, removed + 1, through)).toEqual(
              model.filter((item) => item.sequence <= through),
            );
            model = model.filter((item) => item.sequence > through);
            removed = through;
          } else {
            const after = removed + step.skip;
            const expected = model.filter((item) => item.sequence > after).slice(0, step.limit);
            expect(store.read(user, after, step.limit)).toEqual(expected);
          }
          store.commit();
          expect(store.length - before).toBe(model.length);
        }
      }),
    );
    await store.close();
  });

  test('say which items are older than a time, a few mailboxes a call and all of them in the end', async () => {
    const store = await open();
    for (let user = 1; user <= 2500; user += 1) {
      store.append(user, message(1, { atMs: user % 2 === 0 ? 1000 : 3000 }));
      store.append(user, message(2, { atMs: 3000 }));
    }
    store.commit();

    const found = new Set<number>();
    for (let call = 0; call < 3; call += 1) {
      for (const { user, sequence } of store.expired(2000)) {
        expect(sequence).toBe(1);
        found.add(user);
      }
    }

    expect(found.size).toBe(1250);
    await store.close();
  });
});

describe('a store in lmdb', () => {
  test('has after it was closed and opened what was committed, and knows the ids that it has seen', async () => {
    const folder = await lmdbFolder();
    const before = openLmdbStore(folder);
    for (let sequence = 1; sequence <= 5; sequence += 1) {
      before.repeats(BERT, ANNA, 'user').remember(sequence);
      before.append(BERT, message(sequence));
    }
    before.commit();
    before.remove(BERT, 1, 3);
    before.note(numbersKey(KeyKind.Receipt, BERT, 3), Buffer.from('kept'));
    before.note(numbersKey(KeyKind.Receipt, BERT, 4), Buffer.from('forgotten'));
    before.commit();
    before.note(numbersKey(KeyKind.Receipt, BERT, 4), undefined);
    await before.close();

    const after = openLmdbStore(folder);

    expect(after.length).toBe(2);
    expect(after.recover(BERT)).toEqual({ first: 4, last: 5 });
    expect(after.recover(ANNA)).toBeUndefined();
    expect(after.read(BERT, 3, 10)).toEqual([message(4), message(5)]);
    // 1 to 3 were deleted, 4 and 5 wait: none of them may be accepted as new.
    for (let id = 1; id <= 5; id += 1) expect(after.repeats(BERT, ANNA, 'user').look(id)).toBe('repeated');
    expect(after.repeats(BERT, ANNA, 'user').look(6)).toBe('new');
    const [note, ...others] = after.notes(numbersKey(KeyKind.Receipt));
    expect([note?.key, note?.value.toString()]).toEqual([numbersKey(KeyKind.Receipt, BERT, 3), 'kept']);
    expect(others).toEqual([]);
    await after.close();
  });

  test('knows which messages of a group it had, waiting or gone', async () => {
    const folder = await lmdbFolder();
    const before = openLmdbStore(folder);
    for (const number of [5, 6]) {
      before.repeats(BERT, GROUP, 'group').remember(number);
      before.append(BERT, toGroup(number - 4, number));
    }
    before.commit();
    before.remove(BERT, 1, 1);
    before.repeats(BERT, GROUP, 'group').remember(9);
    before.keepRepeats(BERT, GROUP, 'group');
    await before.close();

    const after = openLmdbStore(folder);

    const look = (number: number) => after.repeats(BERT, GROUP, 'group').look(number);
    expect([5, 6, 7, 9, 10].map(look)).toEqual(['repeated', 'repeated', 'skipped', 'repeated', 'new']);
    // The id of the sender is no number of the group, and a group no user.
    expect(after.repeats(BERT, GROUP, 'user').look(5)).toBe('new');
    await after.close();
  });

  test('keeps few windows in memory, and forgets nothing', async () => {
    const folder = await lmdbFolder();
    const store = new LmdbStore({
      folder: homeFolder(folder, 0),
      sync: false,
      maxBytes: 1e9,
      windowsInMemory: 10,
    });
    const senders = Array.from({ length: 200 }, (_, index) => index + 1);
    const windowOf = (sender: number) => store.repeats(sender % 20, sender, 'user');
    for (const sender of senders) {
      // No item of a mailbox would keep this one.
      windowOf(sender).remember(sender);
      store.commit();
    }

    const looks = senders.map((sender) => {
      store.commit();
      return [windowOf(sender).look(sender), windowOf(sender).look(sender + 1)];
    });

    expect(looks).toEqual(senders.map(() => ['repeated', 'new']));
    await store.close();
  });

  test('says that it is full at its limit', async () => {
    const folder = await lmdbFolder();
    const store = new LmdbStore({ folder: homeFolder(folder, 0), sync: false, maxBytes: 200_000 });
    expect(store.isFull).toBe(false);

    for (let sequence = 1; sequence <= 5000; sequence += 1) store.append(ANNA, message(sequence));
    store.commit();

    expect(store.usage().diskBytes).toBeGreaterThan(200_000);
    expect(store.isFull).toBe(true);
    await store.close();
  });
});
