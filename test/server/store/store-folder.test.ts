import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isAsClosed, markClosed, takeHome } from '../../../server/store/home-folder.js';
import { StoreError } from '../../../server/store/home-store.js';
import { DATA_FILE, openLmdb } from '../../../server/store/lmdb-store.js';
import { homeFolder, takeStoreFolder } from '../../../server/store/store-folder.js';
import { KeyKind, numbersKey } from '../../../server/store/store-keys.js';
import { testFolder } from '../../support/folder.js';
import {
  entriesOf,
  entriesOfVersion1,
  fillHome,
  fillLmdb,
  folderOwner,
  linesOf,
  readHome,
  readHomes,
  snapshot,
  storeFolder,
} from '../../support/store-folder.js';

const MANIFEST = 'c2m-store.json';

async function refusal(folder: string, homes = 1): Promise<string> {
  const error = await takeStoreFolder(folder, homes).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StoreError);
  return (error as StoreError).message;
}

async function unchangedRefusal(folder: string): Promise<string> {
  const before = snapshot(folder);
  const message = await refusal(folder);
  expect(snapshot(folder)).toEqual(before);
  return message;
}

function manifestOf(folder: string): { schema: string; generations: Record<string, unknown>[] } {
  return JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
}

function dataFile(folder: string, home = 0): string {
  return join(homeFolder(folder, home), DATA_FILE);
}

describe('a store folder', () => {
  test('is shared out anew among another number of homes, with nothing missing', async () => {
    const entries = entriesOf(100);
    const folder = await storeFolder(testFolder());
    await fillHome(folder, 0, entries);

    (await takeStoreFolder(folder, 3)).release();

    const shares = await Promise.all([0, 1, 2].map((home) => readHome(folder, home)));
    expect(shares.every(({ length }) => length > 20)).toBe(true);
    expect(linesOf(await readHomes(folder, 3))).toEqual(linesOf(entries));
    expect(readdirSync(folder).sort()).toEqual(['2', MANIFEST, 'owner']);
  });

  test('whose homes each have a clock is shared out with the one that is furthest in every home, again and again', async () => {
    const clockAt = (ms: number) => {
      const value = Buffer.alloc(12);
      value.writeDoubleLE(ms, 4);
      return { key: numbersKey(KeyKind.Clock, 0), value };
    };
    const folder = await storeFolder(testFolder());
    await fillHome(folder, 0, [...entriesOf(20), clockAt(5000)]);
    (await takeStoreFolder(folder, 2)).release();
    await fillHome(folder, 1, [clockAt(9000)]);

    for (const homes of [3, 2]) {
      (await takeStoreFolder(folder, homes)).release();
      const all = await readHomes(folder, homes);
      const clocks = all.filter(({ key }) => key[0] === KeyKind.Clock);
      expect(clocks.map(({ value }) => value.readDoubleLE(4))).toEqual(new Array(homes).fill(9000));
      expect(all).toHaveLength(40 + homes);
    }
  });

  test('of the version before is brought to the one of today, with nothing missing', async () => {
    const folder = testFolder();
    for (const home of [0, 1]) {
      const entries = entriesOfVersion1(40).filter((_, at) => Math.floor(at / 2) % 2 === home);
      await fillLmdb(join(folder, '4', `home-${home}`), entries);
    }
    writeFileSync(join(folder, MANIFEST), '{"schema":"c2m.store/1","homes":2,"generation":4}');

    (await takeStoreFolder(folder, 2)).release();

    expect(manifestOf(folder)).toEqual({
      schema: 'c2m.store/2',
      generations: [{ folder: '5', state: 'ready', format: 2, homes: 2 }],
    });
    expect(linesOf(await readHomes(folder, 2))).toEqual(linesOf(entriesOf(40)));
    expect(readdirSync(folder).sort()).toEqual(['5', MANIFEST, 'owner']);
  });

  test.each([
    ['manifest', { schema: 'c2m.store/3', something: 'else' }],
    [
      'items',
      {
        schema: 'c2m.store/2',
        generations: [{ folder: '1', state: 'ready', format: 3, homes: 1 }],
      },
    ],
  ])('whose %s are of a newer version is told as newer, not as damaged', async (_name, manifest) => {
    const folder = await storeFolder(testFolder());
    writeFileSync(join(folder, MANIFEST), JSON.stringify(manifest));
    expect(await unchangedRefusal(folder)).toMatch(/was made by a newer c2m.*use that version/);
  });

  test('is completed where its first start was killed', async () => {
    const folder = testFolder();
    const generations = [{ folder: '1', state: 'creating', format: 2, homes: 4 }];
    writeFileSync(join(folder, MANIFEST), JSON.stringify({ schema: 'c2m.store/2', generations }));
    mkdirSync(join(folder, '1', 'home-0'), { recursive: true });
    writeFileSync(join(folder, '1', 'home-0', DATA_FILE), '');

    (await takeStoreFolder(folder, 2)).release();

    expect(manifestOf(folder).generations).toMatchObject([{ state: 'ready', homes: 2 }]);
    expect(await readHomes(folder, 2)).toEqual([]);
  });

  test('has all of its mail, whenever those who share it out are killed', async () => {
    const entries = entriesOf(3000, 200);
    const folder = await storeFolder(testFolder());
    await fillHome(folder, 0, entries);
    const shareOut = async (homes: number, killAfterMs?: number) => {
      const owner = folderOwner(folder, { homes });
      await owner.begun;
      const startedMs = performance.now();
      const timer = killAfterMs === undefined ? undefined : setTimeout(() => owner.kill(), killAfterMs);
      const said = await owner.said;
      clearTimeout(timer);
      await owner.kill();
      return { said, ms: performance.now() - startedMs };
    };
    const whole = await shareOut(2);
    expect(whole.said).toBe('taken');

    // From before the first file is made to after the last is deleted.
    const rounds = Array.from({ length: 9 }, (_, round) => round);
    let killed = 0;
    for (const round of rounds) {
      const { said } = await shareOut(3 + (round % 2), (whole.ms * round) / rounds.length);
      if (said === '') killed += 1;
    }
    expect(killed).toBeGreaterThan(0);

    const homes = 5;
    (await takeStoreFolder(folder, homes)).release();

    expect(linesOf(await readHomes(folder, homes))).toEqual(linesOf(entries));
    expect(readdirSync(folder).filter((name) => /^\d+$/.test(name))).toHaveLength(1);
  });

  test('is as it was where sharing it out fails', async () => {
    const folder = await storeFolder(testFolder());
    const entries = [
      ...entriesOf(50),
      { key: Buffer.of(2, 1), value: Buffer.from('a key that names nobody') },
    ];
    await fillHome(folder, 0, entries);
    expect(await refusal(folder, 2)).toMatch(
      /could not be shared out among 2 homes \(.*\); nothing was changed: make room.*or start it with 1 homes as before/,
    );
    expect(manifestOf(folder).generations).toMatchObject([{ folder: '1', state: 'ready', homes: 1 }]);
    expect(readdirSync(folder).sort()).toEqual(['1', MANIFEST, 'owner']);
    expect(await readHome(folder, 0)).toHaveLength(entries.length);
  });
});

describe('nothing that the server did not make is deleted', () => {
  test('of a folder with numbers as names, which is somebody else’s', async () => {
    const folder = testFolder();
    mkdirSync(join(folder, '2024'));
    writeFileSync(join(folder, '2024', 'photo.jpg'), 'a photo');
    expect(await unchangedRefusal(folder)).toMatch(
      /holds files, and no c2m-store\.json.*name an empty folder/,
    );
  });

  test('of a folder with the files of somebody else', async () => {
    const folder = testFolder();
    writeFileSync(join(folder, 'thesis.txt'), 'four years of work');
    expect(await unchangedRefusal(folder)).toMatch(
      /holds files, and no c2m-store\.json.*name an empty folder/,
    );
  });

  test('where the manifest is missing beside the mailboxes, which are not taken for empty', async () => {
    const folder = await storeFolder(testFolder());
    await fillHome(folder, 0, entriesOf(10));
    rmSync(join(folder, MANIFEST));
    expect(await unchangedRefusal(folder)).toMatch(
      /holds mailboxes, and no c2m-store\.json.*restore that file from a backup/,
    );
  });

  test('where the manifest cannot be read', async () => {
    const folder = await storeFolder(testFolder());
    writeFileSync(join(folder, MANIFEST), '{');
    expect(await unchangedRefusal(folder)).toMatch(
      /c2m-store\.json cannot be read as the manifest of a c2m store/,
    );
  });

  test('where a manifest was made to name a folder outside', async () => {
    const folder = await storeFolder(testFolder());
    const generations = [{ folder: '../other', state: 'obsolete', format: 2, homes: 1 }];
    writeFileSync(join(folder, MANIFEST), JSON.stringify({ schema: 'c2m.store/2', generations }));
    expect(await unchangedRefusal(folder)).toMatch(/cannot be read as the manifest/);
  });

  test('where it lies in the store, or in one of its own folders that is replaced', async () => {
    const folder = await storeFolder(testFolder());
    mkdirSync(join(folder, '2'));
    writeFileSync(join(folder, '2', 'mine.txt'), 'in the folder');
    writeFileSync(join(folder, '1', 'home-0', 'mine.txt'), 'among the files of a home');
    const said: string[] = [];

    (await takeStoreFolder(folder, 2, (line) => said.push(line))).release();

    expect(readFileSync(join(folder, '2', 'mine.txt'), 'utf8')).toBe('in the folder');
    expect(readdirSync(join(folder, '1', 'home-0'))).toEqual(['mine.txt']);
    expect(manifestOf(folder).generations).toMatchObject([{ folder: '3', homes: 2 }]);
    expect(said.join('\n')).toMatch(/\/1 holds files that are not of c2m, and stays/);
  });
});

describe('a folder belongs to one server', () => {
  test('of many that start at once', async () => {
    const folder = join(testFolder(), 'data');
    const owners = Array.from({ length: 6 }, () => folderOwner(folder));
    const said = await Promise.all(owners.map((owner) => owner.said));
    await Promise.all(owners.map((owner) => owner.kill()));

    expect(said.filter((line) => line === 'taken')).toHaveLength(1);
    const owner = owners[said.indexOf('taken')];
    for (const line of said.filter((each) => each !== 'taken')) {
      expect(line).toBe(
        `C2M_STORE ${folder} is in use by process ${owner?.child.pid}: end that server, or name another folder`,
      );
    }
  });

  test.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'also where the other is in a container, with process numbers of its own',
    async () => {
      const folder = join(testFolder(), 'data');
      const inside = folderOwner(folder, { wrapper: ['unshare', '--pid', '--fork', '--kill-child'] });
      expect(await inside.said).toBe('taken');
      expect(await refusal(folder)).toMatch(/is in use by process 1: end that server/);
      await inside.kill();
      (await takeStoreFolder(folder, 1)).release();
    },
  );

  test('and is free once that was killed, whatever the processes that it has started do', async () => {
    const folder = join(testFolder(), 'data');
    const script = `
      import { spawn } from 'node:child_process';
      import { takeStoreFolder } from '#dist/server/store/store-folder.js';
      await takeStoreFolder(process.argv[1], 1);
      console.log(spawn('sleep', ['30'], { detached: true, stdio: 'ignore' }).pid);
    `;
    const owner = folderOwner(folder, { script });
    const child = Number(await owner.said);
    try {
      await owner.kill();
      // A lock that the child had got as well would refuse it for as long as that lives.
      (await takeStoreFolder(folder, 1)).release();
    } finally {
      process.kill(child);
    }
  });
});

describe('a start', () => {
  test('takes a store whose last page was given and given back in one transaction, and never written', async () => {
    const folder = await storeFolder(testFolder());
    const database = openLmdb(homeFolder(folder, 0), false);
    // What a look at the head of the file would take for one that was cut short.
    const isShort = () => {
      const { lastPageNumber } = database.getStats() as { lastPageNumber: number };
      return statSync(dataFile(folder)).size < (lastPageNumber + 1) * 4096;
    };
    for (let count = 50; count < 2000 && !isShort(); count *= 2) {
      const entries = entriesOf(count);
      database.transactionSync(() => {
        for (const { key, value } of entries) database.putSync(key, value);
        for (const { key } of entries) database.removeSync(key);
      });
    }
    expect(isShort()).toBe(true);
    await database.close();

    (await takeStoreFolder(folder, 1)).release();

    expect(await readHome(folder, 0)).toEqual([]);
  });

  test('reads a store through unless it was closed in order, and nobody has written to it since', async () => {
    const folder = await storeFolder(testFolder());
    const path = homeFolder(folder, 0);
    expect(isAsClosed(path)).toBe(true);
    const taken = await takeHome(path);
    // A server that is killed from here on has not closed it.
    expect(isAsClosed(path)).toBe(false);
    await fillLmdb(path, entriesOf(500));
    taken.release();
    expect(isAsClosed(path)).toBe(true);

    truncateSync(dataFile(folder), 60_000);
    expect(isAsClosed(path)).toBe(false);
    expect(await refusal(folder)).toMatch(/is damaged/);
    // Only a mark keeps it from looking.
    markClosed(path);
    (await takeStoreFolder(folder, 1)).release();
  });

  test('reads through a copy', async () => {
    const folder = await storeFolder(testFolder());
    const copy = testFolder();
    cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
    expect(isAsClosed(homeFolder(copy, 0))).toBe(false);
    (await takeStoreFolder(copy, 1)).release();
  });
});

describe('a store that is not whole', () => {
  const ENTRIES = entriesOf(1000);

  async function filled(): Promise<{ folder: string; file: string }> {
    const folder = await storeFolder(testFolder());
    await fillHome(folder, 0, ENTRIES);
    return { folder, file: dataFile(folder) };
  }

  test('is refused where the file was cut short', async () => {
    const { folder, file } = await filled();
    truncateSync(file, 100_000);
    expect(await unchangedRefusal(folder)).toMatch(/home-0 is damaged: .*; nothing was changed: restore it/);
  });

  test('is refused where the file is empty, and gets no new one', async () => {
    const { folder, file } = await filled();
    truncateSync(file, 0);
    expect(await unchangedRefusal(folder)).toMatch(/data\.mdb is empty.*; nothing was changed: restore it/);
  });

  test('is refused where the file is gone, and gets no new one, at a start nor while the server runs', async () => {
    const { folder, file } = await filled();
    rmSync(file);
    expect(await unchangedRefusal(folder)).toMatch(/data\.mdb is missing.*; nothing was changed: restore it/);
    await expect(takeHome(homeFolder(folder, 0))).rejects.toThrow(/data\.mdb is missing/);
    expect(existsSync(file)).toBe(false);
  });

  test('is refused where a folder of a home is gone', async () => {
    const { folder } = await filled();
    rmSync(homeFolder(folder, 0), { recursive: true });
    expect(await unchangedRefusal(folder)).toMatch(/data\.mdb is missing.*; nothing was changed: restore it/);
  });

  test('is refused where the head of the file was overwritten', async () => {
    const { folder, file } = await filled();
    writeSync(openSync(file, 'r+'), Buffer.alloc(4096, 'x'), 0, 4096, 0);
    expect(await unchangedRefusal(folder)).toMatch(/is damaged: .*; nothing was changed: restore it/);
  });

  /** What becomes of `file` with other content: a refusal, or the entries. */
  async function outcome(folder: string, file: string, content: Buffer): Promise<string | string[]> {
    writeFileSync(file, content);
    try {
      (await takeStoreFolder(folder, 1)).release();
    } catch (error) {
      return (error as Error).message;
    }
    return linesOf(await readHome(folder, 0));
  }

  const LINES = linesOf(ENTRIES);
  const REFUSED = /is damaged: .*; nothing was changed: restore it/;

  test.each([
    ['zeroes', 0],
    ['noise', 0xa5],
  ])('is refused wherever a page of it was lost to %s', async (_name, filler) => {
    const { folder, file } = await filled();
    const whole = readFileSync(file);
    const pages = whole.length / 4096;
    let refused = 0;
    for (let page = 2; page < pages; page += Math.ceil(pages / 8)) {
      const damaged = Buffer.from(whole);
      damaged.fill(filler, page * 4096, (page + 1) * 4096);
      const became = await outcome(folder, file, damaged);
      // A page that nothing refers to any more is no loss.
      if (typeof became === 'string') {
        expect(became).toMatch(REFUSED);
        refused += 1;
      } else expect(became).toEqual(LINES);
    }
    expect(refused).toBeGreaterThan(2);
    (await takeStoreFolder(folder, 1).catch(() => undefined))?.release();
  });

  test('is refused wherever a single flipped bit changes anything', async () => {
    const { folder, file } = await filled();
    const whole = readFileSync(file);
    let refused = 0;
    for (let flip = 0; flip < 10; flip += 1) {
      const damaged = Buffer.from(whole);
      // Every other one in the first bytes of a page, which tell what it is.
      const page = 2 + ((flip * 7) % (whole.length / 4096 - 2));
      const at = page * 4096 + (flip % 2 === 0 ? flip : (flip * 7919 + 13) % 4096);
      damaged[at] = (damaged[at] as number) ^ (1 << (flip % 8));
      const became = await outcome(folder, file, damaged);
      if (typeof became === 'string') {
        expect(became).toMatch(REFUSED);
        refused += 1;
      } else expect(became).toEqual(LINES);
    }
    expect(refused).toBeGreaterThan(0);
  });

  test('is whole again after a backup was copied back', async () => {
    const { folder, file } = await filled();
    const backup = join(testFolder(), DATA_FILE);
    cpSync(file, backup);
    truncateSync(file, 100_000);
    cpSync(backup, file);
    (await takeStoreFolder(folder, 1)).release();
    expect(linesOf(await readHome(folder, 0))).toEqual(LINES);
  });
});

const isPosix = process.platform !== 'win32';

describe('mailboxes are nobody else’s to read', () => {
  function openOnes(folder: string): string[] {
    return ['.', ...(readdirSync(folder, { recursive: true }) as string[])].filter(
      (name) => (statSync(join(folder, name)).mode & 0o077) !== 0,
    );
  }

  test.runIf(isPosix)('in a folder that the server makes, whatever the umask allows', async () => {
    const folder = join(testFolder(), 'data');
    const before = process.umask(0);
    try {
      await storeFolder(folder);
      await fillHome(folder, 0, entriesOf(10));
      await storeFolder(folder, 3);
    } finally {
      process.umask(before);
    }
    expect(openOnes(folder)).toEqual([]);
  });

  test.runIf(isPosix)('in one that was left open, of which whoever runs the server is told', async () => {
    const folder = await storeFolder(join(testFolder(), 'data'));
    writeFileSync(join(folder, 'notes.txt'), 'of somebody else');
    const open = ['.', 'notes.txt', '1', '1/home-0', '1/home-0/data.mdb'];
    for (const name of open) chmodSync(join(folder, name), 0o755);
    const said: string[] = [];

    (await takeStoreFolder(folder, 1, (line) => said.push(line))).release();

    // What the server did not make is told of, and left as it is.
    expect(openOnes(folder)).toEqual(['.', 'notes.txt']);
    expect(said).toEqual([
      `${folder}: 3 files and folders of mailboxes were open to other users, and are closed now`,
      `${folder} is open to other users, though the mailboxes in it are closed to them: chmod 700 ${folder}`,
    ]);
  });
});

describe('what the system refuses is told with what to do', () => {
  test('where the path is a file, or lies below one', async () => {
    const file = join(testFolder(), 'file');
    appendFileSync(file, 'no folder');
    expect(await refusal(file)).toMatch(/is no folder, or lies below a file: name a folder/);
    expect(await refusal(join(file, 'below', 'it'))).toMatch(
      /is no folder, or lies below a file: name a folder/,
    );
  });

  test.runIf(process.getuid?.() === 0)('where this user may not write', async () => {
    const folder = testFolder();
    chmodSync(folder, 0o755);
    const asNobody = ['setpriv', '--reuid=65534', '--clear-groups'];
    const owner = folderOwner(join(folder, 'data'), { wrapper: asNobody });
    const said = await owner.said;
    await owner.kill();
    expect(said).toMatch(
      /^C2M_STORE .*data is not open to this user \(EACCES\): run the server as its owner/,
    );
  });

  test('where the folder went away while the server ran', async () => {
    const folder = join(testFolder(), 'data');
    const taken = await takeStoreFolder(folder, 1);
    const home = await takeHome(homeFolder(folder, 0));
    renameSync(folder, `${folder}-elsewhere`);
    home.release();
    expect(() => taken.release()).toThrow(StoreError);
    expect(() => taken.release()).toThrow(/was moved, deleted or unmounted while the server ran/);
    (await takeStoreFolder(`${folder}-elsewhere`, 1)).release();
  });
});
