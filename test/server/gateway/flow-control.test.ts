import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameType, ReasonCode } from '../../../protocol/frame.js';
import { userToken } from '../../../protocol/user-token.js';
import { RateLimit } from '../../../server/queues/rate-limit.js';
import { TestClient } from '../../support/client.js';
import { addressOf, statsOf, testServer } from '../../support/server.js';

const ANNA = 1;
const BERT = 2;

describe('a user', () => {
  test('who sends faster than a user may is refused with a reason, stays connected, and may go on a moment later', async () => {
    const server = await testServer({ limits: { sendsPerSecond: 5 } });
    const anna = await TestClient.login(addressOf(server), ANNA);
    for (let id = 1; id <= 8; id += 1) anna.send(BERT, id, 'quick');

    const answers = (await anna.settle()).map((frame) => ('code' in frame ? frame.code : frame.type));

    const refused = ReasonCode.RateLimited;
    expect(answers.sort()).toEqual(
      [...new Array(5).fill(FrameType.Accepted), refused, refused, refused].sort(),
    );
    await expect
      .poll(async () => (await statsOf(server)).counters.refusedByReason, { timeout: 3000 })
      .toEqual({ RateLimited: 3 });
    let id = 8;
    await expect
      .poll(
        async () => {
          id += 1;
          anna.send(BERT, id, 'again');
          return (await anna.settle())[0]?.type;
        },
        { timeout: 3000 },
      )
      .toBe(FrameType.Accepted);
  });

  test('gains nothing by connecting anew', async () => {
    const server = await testServer({ limits: { sendsPerSecond: 3 } });
    const first = await TestClient.login(addressOf(server), ANNA);
    for (let id = 1; id <= 3; id += 1) first.send(BERT, id, 'quick');
    await first.settle();
    const second = await TestClient.login(addressOf(server), ANNA);
    second.send(BERT, 4, 'quicker');
    const [answer] = await second.settle();
    expect(answer).toMatchObject({ type: FrameType.Error, code: ReasonCode.RateLimited });
  });

  test('who does not read holds no more than the window in bytes; the rest waits and comes in order', async () => {
    const window = 40_000;
    const server = await testServer({ limits: { deliveryWindowBytes: window } });
    const anna = await TestClient.login(addressOf(server), ANNA);
    const bert = await TestClient.login(addressOf(server), BERT);
    for (let id = 1; id <= 20; id += 1) anna.send(BERT, id, 'x'.repeat(10_000));
    for (let id = 1; id <= 20; id += 1) await anna.next(FrameType.Accepted);

    // He reads, and acknowledges nothing: four messages are 40,000 bytes, and the frames around them.
    const first = (await bert.settle()).filter(({ type }) => type === FrameType.Deliver);
    expect(first).toHaveLength(3);
    bert.acknowledge(3);
    for (let id = 4; id <= 20; id += 1) {
      const { sequence } = await bert.next(FrameType.Deliver);
      expect(sequence).toBe(id);
      bert.acknowledge(sequence);
    }
  });

  test('gets one message that is larger than the window', async () => {
    const server = await testServer({ limits: { deliveryWindowBytes: 1024 } });
    const anna = await TestClient.login(addressOf(server), ANNA);
    anna.send(ANNA, 1, 'x'.repeat(5000));
    await anna.next(FrameType.Accepted);
    expect((await anna.next(FrameType.Deliver)).payload).toHaveLength(5000);
  });

  test('logs in with a token of its own, and with no other', async () => {
    const secret = 'a secret of sixteen';
    const address = addressOf(await testServer({ token: secret, tokenPerUser: true }));
    await TestClient.login(address, ANNA, userToken(secret, ANNA));
    for (const token of [userToken(secret, BERT), secret, '']) {
      const client = await TestClient.connect(address);
      client.say({ type: FrameType.Hello, version: 1 }, { type: FrameType.Login, user: ANNA, token });
      expect((await client.next(FrameType.Error)).code).toBe(ReasonCode.AuthenticationFailed);
    }
  });
});

test('a worker with too much in hand refuses what is new, and takes it again once it is through', async () => {
  const server = await testServer({ limits: { sendsUnderWay: 10 } });
  const anna = await TestClient.login(addressOf(server), ANNA);
  // One write: all of them come in one turn, and none is answered before its end.
  anna.say(
    ...Array.from({ length: 30 }, (_, at) => {
      return { type: FrameType.Send, to: BERT, id: at + 1, payload: Buffer.from('flood') } as const;
    }),
  );
  const answers = await anna.settle();
  const shed = answers.filter((frame) => frame.type === FrameType.Error);
  expect(shed).toHaveLength(20);
  expect(shed[0]).toMatchObject({ code: ReasonCode.Shedding });
  anna.send(BERT, 31, 'later');
  await anna.next(FrameType.Accepted);
});

test('a rate limit lets through its rate and a second’s burst, whatever the pattern', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 1000, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (perSecond, gaps) => {
        const limit = new RateLimit(perSecond, 0);
        let now = 0;
        let admitted = 0;
        for (const gap of gaps) {
          now += gap;
          if (limit.admits(now)) admitted += 1;
        }
        const most = Math.max(1, perSecond) + (now * perSecond) / 1000;
        expect(admitted).toBeLessThanOrEqual(most + 1e-6);
        // Nothing is refused that is slower than the rate.
        if (gaps.every((gap) => gap * perSecond >= 1000)) expect(admitted).toBe(gaps.length);
      },
    ),
  );
});

describe('the admin port', () => {
  test.each([
    ['another name that points here', { host: 'evil.example:9464' }],
    ['a page of another origin', { origin: 'https://evil.example' }],
    ['a page of any origin', { 'sec-fetch-site': 'cross-site' }],
  ])('does not answer %s', async (_name, headers) => {
    const server = await testServer();
    const { request } = await import('node:http');
    for (const [method, path] of [
      ['GET', '/stats'],
      ['POST', '/reload'],
    ]) {
      const status = await new Promise((resolve, reject) => {
        request(`${server.adminUrl}${path}`, { method, headers }, (response) => resolve(response.statusCode))
          .on('error', reject)
          .end();
      });
      expect(status).toBe(403);
    }
    expect((await statsOf(server)).handlers.loads).toBe(1);
  });

  test('cannot be put where others reach it', async () => {
    await expect(testServer({ admin: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(
      /admin\.host: 0\.0\.0\.0 is not loopback/,
    );
  });
});
