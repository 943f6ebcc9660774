import { describe, expect, test } from 'vitest';
import { CrashLedger, type Handed } from '../../bench/crash-ledger.js';

const nobodyIsAway = () => false;
const TO_ONE = { group: undefined, recipients: [1] };
const TO_GROUP = { group: 5, recipients: [1, 2] };

function handed(changes: Partial<Handed>): Handed {
  return { from: 0, id: 1, group: undefined, number: undefined, isRedelivery: false, ...changes };
}

describe('the account of the crash bench', () => {
  test('a message with both check marks is settled', () => {
    const ledger = new CrashLedger(3);
    ledger.sends(0, 1, TO_ONE);
    ledger.accepts(0, 1);
    ledger.hands(1, handed({}));
    ledger.receipts(0, 1, 1, false);
    expect(ledger.open(nobodyIsAway)).toMatchObject({ lost: 0, withoutReceipt: 0, unanswered: 0 });
    expect(ledger.faults).toEqual(new CrashLedger(3).faults);
  });

  test('what was accepted and came to one of two members is lost once, unless the other is away', () => {
    const ledger = new CrashLedger(3);
    ledger.sends(0, 1, TO_GROUP);
    ledger.accepts(0, 1);
    ledger.hands(1, handed({ group: 5, number: 1 }));
    expect(ledger.open(nobodyIsAway)).toMatchObject({ lost: 1, withoutReceipt: 1 });
    expect(ledger.open((user) => user === 2)).toMatchObject({ lost: 0 });
  });

  test('what has no answer, and what was refused, is not lost', () => {
    const ledger = new CrashLedger(3);
    ledger.sends(0, 1, TO_ONE);
    ledger.sends(0, 2, TO_ONE);
    ledger.refuses(0, 2, 'StoreFull');
    expect(ledger.open(nobodyIsAway)).toMatchObject({ lost: 0, unanswered: 1 });
    expect(ledger.refused.get('StoreFull')).toBe(1);
  });

  test('a second delivery counts as duplicated only without its mark, also once the message is settled', () => {
    const ledger = new CrashLedger(3);
    ledger.sends(0, 1, TO_ONE);
    ledger.accepts(0, 1);
    ledger.hands(1, handed({}));
    ledger.hands(1, handed({ isRedelivery: true }));
    expect(ledger).toMatchObject({ redelivered: 1, faults: { duplicated: 0 } });
    ledger.receipts(0, 1, 1, false);
    ledger.hands(1, handed({}));
    expect(ledger).toMatchObject({ redelivered: 1, faults: { duplicated: 1 } });
  });

  test('an older message behind a newer one, and two numbers for one message of a group, are out of order', () => {
    const ledger = new CrashLedger(3);
    ledger.sends(0, 1, TO_ONE);
    ledger.sends(0, 2, TO_ONE);
    ledger.hands(1, handed({ id: 2 }));
    ledger.hands(1, handed({ id: 1, isRedelivery: true }));
    expect(ledger.faults.outOfOrder).toBe(1);
    ledger.sends(0, 3, TO_GROUP);
    ledger.hands(1, handed({ id: 3, group: 5, number: 7 }));
    ledger.hands(2, handed({ id: 3, group: 5, number: 8 }));
    expect(ledger.faults.outOfOrder).toBe(2);
  });

  test('a message to somebody else, and one that nobody wrote, are told', () => {
    const ledger = new CrashLedger(3);
    ledger.sends(0, 1, TO_ONE);
    ledger.hands(2, handed({}));
    ledger.hands(1, handed({ id: 9 }));
    expect(ledger.faults.misdelivered).toBe(2);
  });
});
