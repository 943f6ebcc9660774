import fc from 'fast-check';
import { type BusMessage, NO_GROUP } from '../../server/bus/bus.js';

const id = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const u32 = fc.nat(0xffff_ffff);
const worker = fc.nat(0xffff);
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const connection = { worker, connection: u32 };

/** Everything that can be said on a bus. */
export const busMessage = fc.oneof(
  fc.record(
    { kind: fc.constant('attach'), user: id, ...connection, sent: u32, epoch: id },
    { requiredKeys: ['kind', 'user', 'worker', 'connection'] },
  ),
  fc.record({ kind: fc.constant('detach'), user: id, ...connection }),
  fc.record({ kind: fc.constant('submit'), from: id, ...connection, to: id, id, payload: bytes }),
  fc.record({ kind: fc.constant('acknowledge'), user: id, ...connection, sequence: u32 }),
  fc.record(
    { kind: fc.constant('attached'), connection: u32, waiting: u32, epoch: id },
    { requiredKeys: ['kind', 'connection', 'waiting'] },
  ),
  fc.record({ kind: fc.constant('replaced'), connection: u32 }),
  fc.record({ kind: fc.constant('accepted'), connection: u32, id }),
  fc.record({
    kind: fc.constant('refused'),
    connection: u32,
    id,
    code: fc.constantFrom(0x101, 0x102, 0x103),
  }),
  fc.record({ kind: fc.constant('deliver'), connection: u32, sequence: u32, frame: bytes }),
  fc.record({
    kind: fc.constantFrom('receipt', 'receipt-kept'),
    to: id,
    by: id,
    id,
    group: fc.oneof(id, fc.constant(NO_GROUP)),
    isUndelivered: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('submit-to-group'), from: id, ...connection, group: id, id, payload: bytes }),
  fc.record({ kind: fc.constant('group'), user: id, ...connection, group: id, id, members: fc.array(id) }),
  fc.record({
    kind: fc.constant('copies'),
    group: id,
    number: u32,
    from: id,
    id,
    members: fc.array(id),
    payload: bytes,
  }),
  fc.record({ kind: fc.constant('copies-kept'), group: id, number: u32, home: worker }),
  fc.record({ kind: fc.constantFrom('resend', 'resending'), home: worker }),
) as fc.Arbitrary<BusMessage>;
