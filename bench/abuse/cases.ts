import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SHIPPED_HANDLERS } from '../../server/hot-code/handler-files.js';
import { budgetOf } from '../memory-budget.js';
import type { AbuseCase } from './abuse-case.js';
import { VICTIM } from './mailbox-attacks.js';
import { MEDIA_TOTAL_BYTES } from './media-attacks.js';
import { faultyHandlers } from './process-attacks.js';

const MIB = 2 ** 20;
/** Fewer than the attacker opens. */
const FEW_FILES = 1024;

const withMedia = (folder: string) => ({
  media: { port: 0, folder: join(folder, 'media'), totalBytes: MEDIA_TOTAL_BYTES },
});

/** Every flood. */
export const CASES: AbuseCase[] = [
  {
    name: 'ack-zero',
    about: 'ACK 0 again and again, on 8 connections',
    attack: 'acknowledgeZero',
    shapes: ['one', 'workers', 'homes'],
  },
  {
    name: 'sends-away',
    about: 'messages of 64 KB to 500 users who are away, from 8 users',
    attack: 'bigSendsToOthers',
    shapes: ['one', 'workers', 'homes'],
  },
  {
    name: 'sends-self',
    about: 'messages of 64 KB to itself, never acknowledged, from 8 users',
    attack: 'bigSendsToItself',
    shapes: ['one', 'homes'],
  },
  {
    name: 'nobody',
    about: 'messages to up to 1.8 million users who do not exist, from 4 users',
    attack: 'nobody',
    shapes: ['one', 'homes'],
  },
  {
    name: 'nobody-memory',
    about: 'the same, where mailboxes are kept in memory',
    attack: 'nobody',
    shapes: ['one'],
    store: 'memory',
  },
  {
    name: 'waiting',
    about:
      '60,000 messages of 100 bytes left waiting in memory (19 MB as the queues count), others fetched at once',
    attack: 'waiting',
    shapes: ['one', 'homes'],
    store: 'memory',
    keptBytes: 2 * 19 * MIB,
    leastSeconds: 12,
    settings: () => ({ limits: budgetOf(8 * MIB) }),
  },
  {
    name: 'pings-100',
    about: 'PINGs on 100 connections, the answers unread',
    attack: 'pings100',
    shapes: ['one', 'workers'],
  },
  {
    name: 'pings-800',
    about: 'PINGs on 800 connections, the answers unread',
    attack: 'pings800',
    shapes: ['one', 'workers'],
  },
  {
    name: 'slow-readers',
    about: 'messages of 64 KB to 50 users who are connected and read nothing',
    attack: 'slowReaders',
    shapes: ['one', 'homes'],
  },
  {
    name: 'ws-before-login',
    about: '300 WebSockets with a message of 1 MB each before LOGIN',
    attack: 'bigMessagesBeforeLogin',
    shapes: ['one', 'workers'],
    settings: () => ({ limits: budgetOf(8 * MIB) }),
  },
  {
    name: 'unfinished',
    about: '300 WebSockets with a message of 1 MB each that does not end, behind their LOGIN',
    attack: 'unfinishedMessages',
    shapes: ['one', 'workers'],
    // Each read of a WebSocket is a Buffer of its own, and V8 lets 64 MiB of dead ones be before it collects them.
    keptBytes: 64 * MIB,
    settings: () => ({ limits: budgetOf(16 * MIB) }),
  },
  {
    name: 'ws-byte-by-byte',
    about: 'LOGIN of 64 KiB in WebSocket messages of one byte',
    attack: 'loginByteByByte',
    shapes: ['one', 'workers'],
  },
  ...(['halfTls', 'halfWebSocket', 'silentConnections'] as const).map((attack): AbuseCase => {
    const name = { halfTls: 'half-tls', halfWebSocket: 'half-ws', silentConnections: 'silent' }[attack];
    const what = {
      halfTls: 'half TLS handshakes',
      halfWebSocket: 'half WebSocket handshakes',
      silentConnections: 'silent TCP connections',
    }[attack];
    return {
      name,
      about: `2,600 ${what} at a server that may have ${FEW_FILES} files open`,
      attack,
      shapes: ['one', 'workers'],
      openFiles: FEW_FILES,
    };
  }),
  {
    name: 'logins',
    about: 'users who log in, each another one, and go, 64 at once',
    attack: 'logins',
    shapes: ['one', 'homes'],
  },
  {
    name: 'churn',
    about: 'connections that come and go without a word, 64 at once',
    attack: 'churn',
    shapes: ['one', 'workers'],
  },
  {
    name: 'groups',
    about: 'GROUP frames with 256 members each against a store of 64 MiB',
    attack: 'groups',
    shapes: ['one', 'homes'],
    settings: (folder) => ({ lmdb: { folder: join(folder, 'data'), maxBytes: 64 * MIB } }),
  },
  {
    name: 'one-mailbox',
    about: 'one user fills the mailbox of another (10,000 items), and a friend of that one writes',
    attack: 'fillMailbox',
    shapes: ['one', 'homes'],
    friendOf: VICTIM,
    settings: () => ({ limits: { mailboxLength: 10_000 } }),
  },
  {
    name: 'small-disk',
    about: 'a disk of 32 MiB filled with messages; then there is room again',
    attack: 'fillDisk',
    shapes: ['one', 'homes'],
    diskBytes: 32 * MIB,
    leastSeconds: 12,
    mayRefuse: true,
  },
  {
    name: 'throwing-handler',
    about: 'frames that the loaded handlers throw at, on 4 connections',
    attack: 'throwingHandler',
    shapes: ['one', 'workers'],
    settings: (folder) => {
      const handlers = join(folder, 'faulty-handlers.mjs');
      writeFileSync(handlers, faultyHandlers(pathToFileURL(SHIPPED_HANDLERS).href));
      return { handlers };
    },
  },
  {
    name: 'stopped-home',
    about: 'a home stands still (SIGSTOP) while users log in',
    attack: 'stoppedHome',
    shapes: ['homes'],
    leastSeconds: 15,
    mayRestart: true,
    mayRefuse: true,
    maySlowDown: true,
  },
  {
    name: 'half-admin',
    about: '600 half requests on the admin port',
    attack: 'halfAdminRequests',
    shapes: ['one'],
    leastSeconds: 17,
  },
  {
    name: 'media-same-file',
    about: '30 users upload the same file at once',
    attack: 'sameFile',
    shapes: ['one'],
    settings: withMedia,
  },
  {
    name: 'media-put-delete',
    about: 'one user uploads a file while another deletes it',
    attack: 'putAndDelete',
    shapes: ['one'],
    settings: withMedia,
  },
  {
    name: 'media-unfinished',
    about: 'up to 60 uploads of 8 MiB, none finished, where media may have 64 MiB',
    attack: 'unfinishedUploads',
    shapes: ['one'],
    settings: withMedia,
  },
  {
    name: 'media-pictures',
    about: 'interlaced 16-bit pictures of 49 million pixels, eight at once',
    attack: 'pictures',
    shapes: ['one'],
    settings: withMedia,
    // One picture at a time, within a process that may have as much.
    keptBytes: 256 * MIB,
  },
];
