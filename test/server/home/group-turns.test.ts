import { expect, test } from 'vitest';
import { ReasonCode } from '../../../protocol/frame.js';
import { homeWorker } from '../../../server/bus/bus.js';
import { FakeStore } from '../../support/fake-store.js';
import { testHome } from '../../support/home.js';

const HOMES = 2;
const GROUP = 7;
const OWNER = 1;
const MOST_TURN_BYTES = 20_000;

const homeOf = (user: number): number => homeWorker(user, { first: 0, count: HOMES });
/** So many users of one home, the owner not among them. */
function usersAt(home: number, count: number): number[] {
  const users: number[] = [];
  for (let user = 100; users.length < count; user += 1) if (homeOf(user) === home) users.push(user);
  return users;
}

/** Writes so many bytes to a group, in a store that takes turns of `MOST_TURN_BYTES`, and tells what the sender hears. */
async function writeTo(members: readonly number[], bytes: number) {
  const store = new FakeStore();
  store.mostTurnBytes = MOST_TURN_BYTES;
  const sut = testHome(store, {}, undefined, HOMES);
  const ids = { worker: 0, connection: OWNER };
  const commit = async () => {
    sut.home.commit();
    while (store.underWay > 0) await store.keep(0);
    await sut.home.settled();
  };
  sut.home.receive({ kind: 'group', user: OWNER, ...ids, group: GROUP, id: 1, members: [OWNER, ...members] });
  await commit();
  sut.take();
  const payload = Buffer.alloc(bytes);
  sut.home.receive({ kind: 'submit-to-group', from: OWNER, ...ids, group: GROUP, id: 2, payload });
  await commit();
  return sut.take().find((message) => message.kind === 'accepted' || message.kind === 'refused');
}

test.for([0, 1])(
  'a message to a group that is more than one turn of home %i is refused: it would never be kept there',
  async (home) => {
    expect(await writeTo(usersAt(home, 10), 1500)).toMatchObject({
      kind: 'refused',
      id: 2,
      code: ReasonCode.GroupTooLarge,
    });
    expect(await writeTo(usersAt(home, 10), 500)).toMatchObject({ kind: 'accepted', id: 2 });
  },
);

test('members at several homes have turns of their own', async () => {
  const members = [...usersAt(0, 6), ...usersAt(1, 6)];
  expect(await writeTo(members, 1500)).toMatchObject({ kind: 'accepted', id: 2 });
});
