import { describe, expect, test } from 'vitest';
import {
  FLAG_REDELIVERY,
  FLAG_UNDELIVERED,
  type Frame,
  FrameType,
  ReasonCode,
} from '../../../protocol/frame.js';
import { homeWorker } from '../../../server/bus/bus.js';
import type { ServerConfigInput } from '../../../server/config.js';
import type { RunningServer } from '../../../server/server.js';
import { TestClient } from '../../support/client.js';
import { testFolder } from '../../support/folder.js';
import { addressOf, crash, statsOf, testServer } from '../../support/server.js';

const GROUP = 77;
const MEMBERS = [1, 2, 3, 4, 5, 6, 7, 8];
const [ANNA, BERT] = MEMBERS as [number, number];

const servers: { name: string; config: ServerConfigInput }[] = [
  { name: 'one worker', config: {} },
  { name: 'three workers', config: { workers: 3 } },
  { name: 'two workers and two homes', config: { workers: 2, homes: 2 } },
];

function logInAll(server: RunningServer, users = MEMBERS): Promise<TestClient[]> {
  return Promise.all(users.map((user) => TestClient.login(addressOf(server), user)));
}

describe.each(servers)('a group on a server of $name', ({ config }) => {
  test('a message is accepted once and delivered to all other members, and each of them sends a receipt', async () => {
    const server = await testServer(config);
    const clients = await logInAll(server);
    const [anna, ...others] = clients as [TestClient, ...TestClient[]];
    await anna.setGroup(GROUP, MEMBERS);

    anna.sendToGroup(GROUP, 1, 'dinner at eight');

    expect((await anna.next(FrameType.Accepted)).id).toBe(1);
    for (const member of others) {
      const message = await member.next(FrameType.GroupDeliver);
      expect(message).toMatchObject({ sequence: 1, flags: 0, group: GROUP, number: 1, from: ANNA, id: 1 });
      expect(Buffer.from(message.payload).toString()).toBe('dinner at eight');
      member.acknowledge(message.sequence);
    }
    const receivers: number[] = [];
    for (const _ of others) {
      const receipt = await anna.next(FrameType.GroupReceipt);
      expect(receipt).toMatchObject({ flags: 0, group: GROUP, id: 1 });
      receivers.push(receipt.by);
    }
    expect(receivers.sort()).toEqual(MEMBERS.slice(1));
    expect(await anna.settle()).toEqual([]);
    await expect
      .poll(async () => (await statsOf(server)).counters)
      .toMatchObject({ accepted: 1, copies: 7, delivered: 7, acknowledged: 7, receipts: 7, undelivered: 0 });
  });

  test('all members see its messages in one order, also those who were away', async () => {
    const server = await testServer(config);
    const [anna, bert] = (await logInAll(server, [ANNA, BERT])) as [TestClient, TestClient];
    await anna.setGroup(GROUP, MEMBERS);
    for (let id = 1; id <= 20; id += 1) {
      anna.sendToGroup(GROUP, id, `anna ${id}`);
      bert.sendToGroup(GROUP, id, `bert ${id}`);
    }
    const accepted = async (client: TestClient) => {
      for (let id = 1; id <= 20; id += 1) await nextOf(client, FrameType.Accepted);
    };
    await Promise.all([accepted(anna), accepted(bert)]);

    const readers = await logInAll(server, MEMBERS.slice(2));

    const orders = await Promise.all(
      readers.map(async (reader) => {
        const texts: string[] = [];
        for (let number = 1; number <= 40; number += 1) {
          const message = await reader.next(FrameType.GroupDeliver);
          expect(message.number).toBe(number);
          texts.push(Buffer.from(message.payload).toString());
        }
        return texts;
      }),
    );
    for (const order of orders) expect(order).toEqual(orders[0]);
    for (const name of ['anna', 'bert']) {
      expect(orders[0]?.filter((text) => text.startsWith(name))).toEqual(
        Array.from({ length: 20 }, (_, index) => `${name} ${index + 1}`),
      );
    }
  });

  test('a repeated GROUP_SEND with the same id is accepted again and delivered once', async () => {
    const server = await testServer(config);
    const [anna, bert] = (await logInAll(server, [ANNA, BERT])) as [TestClient, TestClient];
    await anna.setGroup(GROUP, [ANNA, BERT]);

    for (const _ of [1, 2]) anna.sendToGroup(GROUP, 1, 'only once');

    for (const _ of [1, 2]) expect((await anna.next(FrameType.Accepted)).id).toBe(1);
    await bert.next(FrameType.GroupDeliver);
    expect(await bert.settle()).toEqual([]);
  });

  test('a member whose mailbox is full does not get it, the sender is told, and the others are served', async () => {
    const server = await testServer({ ...config, limits: { mailboxLength: 1 } });
    const [anna] = (await logInAll(server, [ANNA])) as [TestClient];
    await anna.setGroup(GROUP, [ANNA, BERT, 3]);
    anna.send(BERT, 1, 'the mailbox of Bert is full now');
    await anna.next(FrameType.Accepted);

    anna.sendToGroup(GROUP, 2, 'who reads this?');

    await anna.next(FrameType.Accepted);
    expect(await anna.next(FrameType.GroupReceipt)).toMatchObject({
      by: BERT,
      id: 2,
      flags: FLAG_UNDELIVERED,
    });
    const [bert, third] = (await logInAll(server, [BERT, 3])) as [TestClient, TestClient];
    expect((await third.next(FrameType.GroupDeliver)).id).toBe(2);
    await bert.next(FrameType.Deliver);
    expect(await bert.settle()).toEqual([]);
    await expect
      .poll(async () => (await statsOf(server)).counters)
      .toMatchObject({ copies: 2, undelivered: 1 });
  });

  test('only its owner changes it, and whoever is no member any more neither writes nor reads', async () => {
    const server = await testServer(config);
    const [anna, bert] = (await logInAll(server, [ANNA, BERT])) as [TestClient, TestClient];
    await anna.setGroup(GROUP, [ANNA, BERT, BERT, 3]);

    bert.say({ type: FrameType.Group, id: 5, group: GROUP, members: [BERT] });
    expect(await bert.next(FrameType.Error)).toMatchObject({ code: ReasonCode.NotGroupOwner, reference: 5 });
    await anna.setGroup(GROUP, [ANNA, 3]);
    bert.sendToGroup(GROUP, 6, 'let me in');
    expect(await bert.next(FrameType.Error)).toMatchObject({ code: ReasonCode.NotMember, reference: 6 });
    anna.sendToGroup(GROUP, 7, 'without Bert');
    await anna.next(FrameType.Accepted);

    const [third] = (await logInAll(server, [3])) as [TestClient];
    expect((await third.next(FrameType.GroupDeliver)).id).toBe(7);
    expect(await bert.settle()).toEqual([]);
  });
});

describe('a group', () => {
  test('of nobody, or that nobody has made, takes no messages', async () => {
    const [anna] = (await logInAll(await testServer(), [ANNA])) as [TestClient];
    await anna.setGroup(GROUP, []);
    for (const group of [GROUP, 0]) {
      anna.sendToGroup(group, 1, 'anybody?');
      expect(await anna.next(FrameType.Error)).toMatchObject({ code: ReasonCode.NotMember, reference: 1 });
    }
  });

  test('with more members than the server takes is refused', async () => {
    const [anna] = (await logInAll(await testServer({ limits: { groupMembers: 3 } }), [ANNA])) as [
      TestClient,
    ];
    anna.say({ type: FrameType.Group, id: 1, group: GROUP, members: [1, 2, 3, 4] });
    expect(await anna.next(FrameType.Error)).toMatchObject({ code: ReasonCode.GroupTooLarge, reference: 1 });
  });

  test('is no user: ids towards a user and towards a group of the same number do not meet', async () => {
    const server = await testServer();
    const [anna, bert] = (await logInAll(server, [ANNA, BERT])) as [TestClient, TestClient];
    await anna.setGroup(BERT, [ANNA, BERT]);
    anna.send(BERT, 1, 'to Bert');
    anna.sendToGroup(BERT, 1, 'to the group');
    await bert.next(FrameType.Deliver);
    bert.acknowledge((await bert.next(FrameType.GroupDeliver)).sequence);
    const answers = await anna.settle();
    expect(answers.map(({ type }) => type).sort()).toEqual(
      [FrameType.Accepted, FrameType.Accepted, FrameType.Receipt, FrameType.GroupReceipt].sort(),
    );
  });
});

const HOMES = { first: 0, count: 2 };

describe('a group', () => {
  test('answers a member who has left, and asks once more what became of a message', async () => {
    const server = await testServer();
    const [anna, bert, third] = (await logInAll(server, [ANNA, BERT, 3])) as [
      TestClient,
      TestClient,
      TestClient,
    ];
    await anna.setGroup(GROUP, [ANNA, BERT, 3]);
    bert.sendToGroup(GROUP, 1, 'my last words');
    await third.next(FrameType.GroupDeliver);
    await bert.cut();
    await nextOf(anna, FrameType.GroupDeliver);
    await anna.setGroup(GROUP, [ANNA, 3], 9);

    const again = await TestClient.login(addressOf(server), BERT);
    again.sendToGroup(GROUP, 1, 'my last words');

    expect((await again.next(FrameType.Accepted)).id).toBe(1);
    expect(await third.settle()).toEqual([]);
  });

  test('that was lost with the memory of its home can be made again, and its members hear of it', async () => {
    const server = await testServer({ workers: 2, portPerWorker: true });
    const home = homeWorker(GROUP, HOMES);
    const [owner, member] = MEMBERS.filter((user) => homeWorker(user, HOMES) !== home) as [number, number];
    const address = server.addresses[1 - home] as RunningServer['addresses'][0];
    const anna = await TestClient.login(address, owner);
    const bert = await TestClient.login(address, member);
    await anna.setGroup(GROUP, [owner, member]);
    for (let id = 1; id <= 70; id += 1) {
      anna.sendToGroup(GROUP, id, `message ${id}`);
      bert.acknowledge((await bert.next(FrameType.GroupDeliver)).sequence);
    }
    await anna.settle();

    await crash(server, home);
    await anna.setGroup(GROUP, [owner, member]);
    anna.sendToGroup(GROUP, 71, 'here we are again');

    expect(await bert.next(FrameType.GroupDeliver)).toMatchObject({ id: 71, number: 1 });
  });

  test('fills no store of another process: a copy that finds it full is told of, as one that finds a full mailbox', async () => {
    const folder = testFolder();
    const server = await testServer({ store: 'lmdb', lmdb: { folder, maxBytes: 2 ** 21 }, workers: 2 });
    const home = homeWorker(GROUP, HOMES);
    const users = Array.from({ length: 200 }, (_, index) => 1000 + index);
    const [sender] = users.filter((user) => homeWorker(user, HOMES) === home) as [number];
    const far = users.filter((user) => homeWorker(user, HOMES) !== home).slice(0, 20);
    const anna = await TestClient.login(addressOf(server), sender);
    await anna.setGroup(GROUP, [sender, ...far]);
    let undelivered: Frame | undefined;
    for (let id = 1; !undelivered && id <= 60; id += 1) {
      anna.sendToGroup(GROUP, id, 'x'.repeat(30_000));
      undelivered = (await anna.settle()).find(({ type }) => type === FrameType.GroupReceipt);
      // The size is looked at several times a second.
      await statsOf(server);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(undelivered).toMatchObject({ flags: FLAG_UNDELIVERED, group: GROUP });
  });
});

describe('what was accepted for a group', () => {
  /** Two processes; users, and the group, of either. */
  async function start(folder = testFolder()) {
    const server = await testServer({ store: 'lmdb', lmdb: { folder }, workers: 2, portPerWorker: true });
    const home = homeWorker(GROUP, HOMES);
    const [near, far] = [home, 1 - home].map((worker) =>
      MEMBERS.filter((user) => homeWorker(user, HOMES) === worker),
    ) as [number[], number[]];
    /** A client connected to that process. */
    const at = (worker: number, user: number) =>
      TestClient.login(server.addresses[worker] as RunningServer['addresses'][0], user);
    return { server, folder, home, near, far, at };
  }

  test('comes once to members of both processes, though the home of the group was killed', async () => {
    const { server, home, near, far, at } = await start();
    const sender = await at(1 - home, far[0] as number);
    await sender.setGroup(GROUP, MEMBERS);
    sender.sendToGroup(GROUP, 1, 'still there?');
    await nextOf(sender, FrameType.Accepted);

    await crash(server, home);

    for (const user of [...near, ...far.slice(1)]) {
      const reader = await at(1 - home, user);
      const message = await reader.next(FrameType.GroupDeliver);
      expect(message).toMatchObject({ number: 1, id: 1 });
      reader.acknowledge(message.sequence);
      expect((await reader.settle()).filter(({ type }) => type === FrameType.GroupDeliver)).toEqual([]);
    }
    // It knows the message again, and goes on counting behind it.
    const again = await at(1 - home, far[0] as number);
    again.sendToGroup(GROUP, 1, 'still there?');
    again.sendToGroup(GROUP, 2, 'yes');
    for (const id of [1, 2]) expect((await nextOf(again, FrameType.Accepted)).id).toBe(id);
    const reader = await at(home, near[0] as number);
    expect(await reader.next(FrameType.GroupDeliver)).toMatchObject({ number: 2, id: 2 });
  });

  test('waits for members whose home is dead, and stands in the queue fan-out', async () => {
    const { server, home, near, far, at } = await start();
    const sender = await at(home, near[0] as number);
    await sender.setGroup(GROUP, MEMBERS);
    const crashed = crash(server, 1 - home);
    await expect
      .poll(async () => {
        const witness = await TestClient.connect(server.addresses[1 - home] as never).catch(() => undefined);
        await witness?.cut();
        return witness;
      })
      .toBeUndefined();
    for (let id = 1; id <= 5; id += 1) sender.sendToGroup(GROUP, id, `message ${id}`);
    for (let id = 1; id <= 5; id += 1) await nextOf(sender, FrameType.Accepted);
    await crashed;

    for (const user of far) {
      const reader = await at(1 - home, user);
      for (let id = 1; id <= 5; id += 1)
        expect(await reader.next(FrameType.GroupDeliver)).toMatchObject({ id, number: id });
      expect(await reader.settle()).toEqual([]);
    }
    // Of one reading: what was not known to have come before the death is handed on once more.
    await expect
      .poll(async () => {
        const { arrived = 0, served = 0 } = (await statsOf(server)).queues[`fan-out#${home}`] ?? {};
        return { isCounted: arrived >= 5 * far.length, waiting: arrived - served };
      })
      .toEqual({ isCounted: true, waiting: 0 });
  });

  test('is shared out anew with its group, when the server is started with another number of processes', async () => {
    const first = await start();
    const sender = await first.at(0, ANNA);
    await sender.setGroup(GROUP, MEMBERS);
    sender.sendToGroup(GROUP, 1, 'before');
    await nextOf(sender, FrameType.Accepted);
    await first.server.close();

    const second = await testServer({ store: 'lmdb', lmdb: { folder: first.folder }, workers: 3 });

    const again = await TestClient.login(addressOf(second), ANNA);
    again.sendToGroup(GROUP, 2, 'after');
    await nextOf(again, FrameType.Accepted);
    for (const user of MEMBERS.slice(1)) {
      const reader = await TestClient.login(addressOf(second), user);
      const messages = [await reader.next(FrameType.GroupDeliver), await reader.next(FrameType.GroupDeliver)];
      expect(messages.map(({ number, id }) => [number, id])).toEqual([
        [1, 1],
        [2, 2],
      ]);
      expect(messages[0]?.flags).toBe(FLAG_REDELIVERY);
    }
  });
});

/** The next frame of this type; others before it are passed over. */
async function nextOf<T extends Frame['type']>(client: TestClient, type: T) {
  for (;;) {
    const frame = await client.nextFrame();
    if (frame.type === type) return frame as Extract<Frame, { type: T }>;
  }
}
