import type { Promises } from '../../record/promises.js';
import type { LedgerCounts } from '../agent/ledger.js';
import { excerpt } from './known-answers.js';

/** One message, and what was heard of it. */
export interface FirstMessage {
  counts: LedgerCounts;
  /** Reasons why it was not taken. */
  refusals: string[];
  promises: Promises;
  /** Why a connection ended meanwhile; undefined: none did. */
  dropped: string | undefined;
  /** The last that the sender heard. */
  answer: Buffer;
  waitedMs: number;
}

/** What was wrong with the first message; undefined: nothing. */
export function messageProblem(message: FirstMessage): string | undefined {
  const { counts, refusals, promises, dropped, answer, waitedMs } = message;
  const seconds = waitedMs / 1000;
  if (refusals.length > 0) return `the server did not take the message (${refusals.join(', ')})`;
  if (counts.corrupted > 0) return 'the message arrived with another content';
  if (counts.duplicated > 0) return 'the message arrived twice';
  const missing = missingWords(counts, promises);
  if (missing === undefined) return undefined;
  if (dropped !== undefined) return `${missing}, and a connection ended (${dropped})`;
  const said = answer.length > 0 ? `; the last that its sender heard was ${excerpt(answer)}` : '';
  return `${missing} within ${seconds} s${said}`;
}

function missingWords(counts: LedgerCounts, promises: Promises): string | undefined {
  if (counts.delivered === 0) return 'the message did not arrive';
  if (promises.accepted && counts.accepted === 0) return 'the message arrived, and was not accepted';
  if (promises.receipt && counts.receipted === 0) return 'the message arrived, and no receipt came';
  return undefined;
}
