import type { Attack } from './attack-context.js';
import * as connections from './connection-attacks.js';
import * as frames from './frame-attacks.js';
import * as mailboxes from './mailbox-attacks.js';
import * as media from './media-attacks.js';
import * as pictures from './picture-attack.js';
import * as processes from './process-attacks.js';
import * as webSockets from './websocket-attacks.js';

/** What an attacker can do, by the name that a case uses. */
export const ATTACKS = {
  acknowledgeZero: { run: frames.acknowledgeZero },
  bigSendsToOthers: { run: frames.bigSendsToOthers },
  bigSendsToItself: { run: frames.bigSendsToItself },
  pings100: { run: (context) => frames.unreadPings(context, 100) },
  pings800: { run: (context) => frames.unreadPings(context, 800) },
  slowReaders: { run: frames.slowReaders },
  nobody: { run: mailboxes.writeToNobody },
  waiting: { run: mailboxes.leaveWaiting },
  groups: { run: mailboxes.makeGroups },
  fillMailbox: { run: mailboxes.fillMailbox },
  fillDisk: { run: mailboxes.fillDisk },
  bigMessagesBeforeLogin: { run: webSockets.bigMessagesBeforeLogin },
  unfinishedMessages: { run: webSockets.unfinishedMessages },
  loginByteByByte: { run: webSockets.loginByteByByte },
  halfTls: { run: connections.halfTls },
  halfWebSocket: { run: connections.halfWebSocket },
  silentConnections: { run: connections.silentConnections },
  logins: { run: connections.logins },
  churn: { run: connections.churn },
  halfAdminRequests: { run: connections.halfAdminRequests },
  throwingHandler: { run: processes.throwingHandler },
  stoppedHome: { run: processes.stoppedHome },
  sameFile: { run: media.sameFile },
  putAndDelete: { run: media.putAndDelete },
  unfinishedUploads: { run: media.unfinishedUploads },
  pictures: { prepare: pictures.prepare, run: pictures.uploadPictures },
} satisfies Record<string, Attack>;

export type AttackName = keyof typeof ATTACKS;
