import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { damagedStore, type StoreError } from './home-store.js';

/**
 * The two pages at the head of LMDB's file, of which the one with the higher transaction counts (struct MDB_meta in
 * LMDB's mdb.c, as the npm package `lmdb` builds it: a page header of 24 bytes goes before it).
 */
const META_PAGES = 2;
const MAGIC_OFFSET = 24;
const PAGE_SIZE_OFFSET = 48;
const LAST_PAGE_OFFSET = 144;
const TRANSACTION_OFFSET = 152;
const META_BYTES = 160;
const MAGIC = 0xbe_ef_c0_de;
/** LMDB's page is that of the system, and no system has smaller or larger ones. */
const PAGE_SIZES = [4096, 8192, 16_384, 32_768, 65_536];

/**
 * Looks whether LMDB may map a file: it trusts what it maps, and a file that was cut short would end the process with
 * SIGBUS at the first message instead of an error.
 * @throws StoreError saying what is wrong
 */
export function checkDataFile(path: string): void {
  const file = openDataFile(path);
  try {
    const { size } = fstatSync(file);
    const head = Buffer.alloc(META_BYTES);
    if (readSync(file, head, 0, META_BYTES, 0) < META_BYTES || !hasMagic(head)) throw notAStore(path);
    const pageSize = head.readUInt32LE(PAGE_SIZE_OFFSET);
    if (!PAGE_SIZES.includes(pageSize)) throw notAStore(path);
    const second = Buffer.alloc(META_BYTES);
    const hasSecond =
      readSync(file, second, 0, META_BYTES, pageSize) === META_BYTES &&
      hasMagic(second) &&
      size >= pageSize * META_PAGES;
    if (!hasSecond) throw cutShort(path, size, pageSize * META_PAGES);
    const newest =
      head.readBigUInt64LE(TRANSACTION_OFFSET) >= second.readBigUInt64LE(TRANSACTION_OFFSET) ? head : second;
    const needed = (Number(newest.readBigUInt64LE(LAST_PAGE_OFFSET)) + 1) * pageSize;
    if (size < needed) throw cutShort(path, size, needed);
  } finally {
    closeSync(file);
  }
}

function openDataFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw damagedStore(`${path} cannot be read (${(error as Error).message}), and the store had one`);
  }
}

function hasMagic(meta: Buffer): boolean {
  return meta.readUInt32LE(MAGIC_OFFSET) === MAGIC;
}

function notAStore(path: string): StoreError {
  return damagedStore(`${path} is no store of mailboxes, or its head was overwritten`);
}

function cutShort(path: string, size: number, needed: number): StoreError {
  return damagedStore(`${path} is cut short: ${size} bytes of at least ${needed}`);
}
