import { ReasonCode } from '../../protocol/frame.js';

const reasons: Partial<Record<ReasonCode, string>> = {
  [ReasonCode.MailboxFull]: 'the mailbox of the recipient is full',
  [ReasonCode.DuplicateUnknown]: 'the id is too old to tell whether the message was accepted before',
  [ReasonCode.RateLimited]: 'more messages a second than one user may send; wait a second',
  [ReasonCode.Shedding]: 'the server has too much in hand; wait a second',
  [ReasonCode.StoreFull]: 'the server has no room for more messages',
  [ReasonCode.StoreFailed]: 'the message could not be stored',
  [ReasonCode.NotGroupOwner]: 'the group belongs to another user',
  [ReasonCode.TooManyGroups]: 'the user owns as many groups as one user may',
  [ReasonCode.GroupTooLarge]: 'the group has more members than this server takes',
  [ReasonCode.IdSkipped]: 'a later id was accepted before this one; send the message with a new id',
  [ReasonCode.NotMember]: 'the user is not a member of this group',
};

/** What a person is told whose message was refused. */
export function refusalReason(code: ReasonCode): string {
  return reasons[code] ?? 'the message was refused';
}
