import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentPlan } from '../../../../loadgen/agent-messages.js';
import { AllowList } from '../../../../loadgen/coordination/nats/allow-list.js';
import { isPlainData } from '../../../../loadgen/coordination/nats/plain-data.js';
import { checkPlan, type PlanTaker, toldSchema } from '../../../../loadgen/coordination/nats/plan-check.js';
import { DRIVER_NAMES } from '../../../../loadgen/drivers/load-driver.js';
import { planAgents } from '../../../../loadgen/plan.js';
import { planHost } from '../../../support/hosts.js';
import { testScenario } from '../../../support/run.js';

const GIB = 1024 ** 3;

const loopbackOnly = await AllowList.of([]);

function taker(change: Partial<PlanTaker> = {}): PlanTaker {
  return {
    id: 'laptop-1',
    name: 'laptop',
    allow: loopbackOnly,
    isTrusting: false,
    packets: true,
    cores: 2,
    openFiles: 20_000,
    memoryBytes: 4 * GIB,
    ...change,
  };
}

function plan(change: Partial<AgentPlan> = {}): AgentPlan {
  const [made] = planAgents(testScenario(), {
    endpoints: [{ protocol: 'tcp', host: '127.0.0.1', port: 4000 }],
    hosts: [planHost({ id: 'laptop-1' })],
    driver: { name: 'c2m', settings: { credentials: null } },
    run: 1_700_000_000,
  });
  const { firstUser, count } = { ...(made as AgentPlan), ...change };
  return { ...(made as AgentPlan), population: { firstUser, count }, ...change };
}

/** As it comes over NATS. */
function sent(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function refusal(value: unknown, of = taker(), others: AgentPlan[] = []): string {
  const checked = checkPlan(sent(value), of, others);
  return 'refusal' in checked ? checked.refusal : 'taken';
}

describe('a plan that the coordinator makes', () => {
  it('is taken as it is', () => {
    expect(checkPlan(sent(plan()), taker(), [])).toEqual({ plan: plan() });
  });

  it('is taken with everything that a scenario may say', () => {
    const full = plan({
      endpoints: [{ protocol: 'wss', host: '::1', port: 4000, path: '/chat?v=1' }],
      webSocket: { headers: { authorization: 'Bearer x' }, subprotocols: ['chat'], compression: true },
      messages: {
        size: { kind: 'lognormal', medianBytes: 100, sigma: 0.8, maxBytes: 4096 },
        arrival: 'poisson',
      },
      groups: { members: 20, share: 0.5 },
      attachments: ['http://127.0.0.1/a.jpg'],
      asksFirst: true,
    });
    expect(checkPlan(sent(full), taker(), [])).toEqual({ plan: full });
  });

  it('is taken for every driver that ships with the lab', () => {
    for (const name of DRIVER_NAMES.filter((each) => each !== 'own'))
      expect(refusal(plan({ driver: { name, settings: {} } }))).toBe('taken');
  });
});

describe('a plan is refused', () => {
  it.each<[string, Partial<Record<keyof AgentPlan, unknown>>, RegExp]>([
    ['for another machine', { host: 'other' }, /was sent a plan that is for another machine/],
    ['with a driver that is none', { driver: { name: 'constructor', settings: {} } }, /driver\.name/],
    ['with no clients', { count: 0 }, /count/],
    ['with half a client', { count: 1.5 }, /count/],
    ['with clients that are no number', { count: null }, /count/],
    ['with endless clients', { count: 1e300 }, /count/],
    ['with no rate', { connectRate: 0 }, /connectRate/],
    ['with nowhere to go', { endpoints: [] }, /endpoints/],
    ['with a port that is none', { endpoints: [{ protocol: 'tcp', host: '::1', port: 70_000 }] }, /port/],
    ['with what no plan has', { surprise: 1 } as object, /surprise/],
    ['with a heartbeat of no time', { heartbeatMs: 0 }, /heartbeatMs/],
    [
      'with a message larger than any',
      { messages: { size: { kind: 'fixed', bytes: 1e9 }, arrival: 'constant' } },
      /messages\.size/,
    ],
    ['with groups of millions', { groups: { members: 1e6, share: 1 } }, /groups\.members/],
  ])('%s', (_, change, words) => {
    expect(refusal({ ...plan(), ...change })).toMatch(words);
  });

  it('when it holds more clients than one process has files', () => {
    expect(refusal(plan({ count: 19_000 }))).toBe('taken');
    expect(refusal(plan({ count: 19_001 }))).toBe(
      'laptop holds 19,000 clients an agent (20,000 open files a process), and not 19,001; ' +
        'take more machines, or raise ulimit -n there before c2m agent is started',
    );
    expect(refusal(plan({ count: 19_001 }), taker({ openFiles: null }))).toBe('taken');
  });

  it('when there is no memory for it, with what was taken before', () => {
    const big = plan({ count: 19_000, groups: { members: 8000, share: 1 } });
    expect(refusal(big)).toBe('taken');
    expect(refusal(big, taker(), [big, big, big])).toMatch(
      /^laptop has 4,096 MiB of memory, and its agents would need/,
    );
  });

  it('when the population of the run takes more memory than there is, however few of it are for this machine', () => {
    expect(refusal(plan({ population: { firstUser: 1, count: 2 ** 31 } }))).toMatch(
      /^laptop has 4,096 MiB of memory, and its agents would need 10,/,
    );
  });

  it.each([
    ['before', { firstUser: 0 }],
    ['behind', { firstUser: 2 }],
  ])('when it has clients %s its population', (_, change) => {
    expect(refusal({ ...plan(), ...change })).toMatch(/clients that are not of its population/);
  });

  it('when there are too many agents', () => {
    const small = taker({ memoryBytes: 64 * 1024 ** 2 });
    expect(refusal(plan({ count: 2 }), small, [plan({ count: 2 })])).toBe('taken');
    expect(refusal(plan({ count: 2 }), small, [plan({ count: 2 }), plan({ count: 2 })])).toMatch(
      /^laptop has no room for more than 2 agents/,
    );
  });

  it("when it brings code along, unless the machine's owner trusts it", () => {
    const own = plan({ driver: { name: 'own', settings: { file: '/x.js', settings: {} } } });
    expect(refusal(own)).toMatch(/^laptop runs no driver of a scenario's own/);
    expect(refusal(own, taker({ isTrusting: true }))).toBe('taken');
  });

  it('when the settings of its driver are nested without end, or name what objects inherit', () => {
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(checkPlan({ ...plan(), driver: { name: 'c2m', settings: deep } }, taker(), [])).toMatchObject({
      refusal: expect.stringContaining('driver.settings is nested too deeply'),
    });
    const settings = JSON.parse('{"a": {"__proto__": {"polluted": true}}}');
    expect(refusal(plan({ driver: { name: 'c2m', settings } }))).toMatch(/driver\.settings/);
  });
});

describe('load is let go', () => {
  async function allowed(written: string[], host: string): Promise<boolean> {
    return (await AllowList.of(written)).allows(host);
  }

  it.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])(
    'to %s, which is the machine itself',
    async (host) => {
      expect(await allowed([], host)).toBe(true);
    },
  );

  it.each([
    '10.0.0.5',
    '0.0.0.0',
    '::ffff:127.0.0.1',
    '127.1',
    '2130706433',
    'chat.example',
    '',
    'fe80::1%lo',
  ])('not to %j, where nothing was allowed', async (host) => {
    expect(await allowed([], host)).toBe(false);
  });

  it('to an address that was allowed, and not to its neighbour', async () => {
    expect(await allowed(['10.0.0.5'], '10.0.0.5')).toBe(true);
    expect(await allowed(['10.0.0.5'], '10.0.0.6')).toBe(false);
    expect(await allowed(['[2001:db8::5]'], '2001:db8:0:0::5')).toBe(true);
  });

  it('to every address of a network that was allowed', async () => {
    expect(await allowed(['10.1.0.0/16'], '10.1.255.255')).toBe(true);
    expect(await allowed(['10.1.0.0/16'], '::ffff:10.1.2.3')).toBe(true);
    expect(await allowed(['10.1.0.0/16'], '10.2.0.0')).toBe(false);
    expect(await allowed(['2001:db8::/32'], '2001:db8:1::1')).toBe(true);
  });

  it('to a name that was allowed, however it is written', async () => {
    expect(await allowed([], 'LOCALHOST')).toBe(false);
    expect(await allowed(['LocalHost'], 'LOCALHOST')).toBe(true);
    expect(await allowed(['LocalHost'], 'localhost.')).toBe(true);
    expect((await AllowList.of(['LocalHost'])).written).toEqual(['LocalHost']);
  });

  it.each(['10.0.0.0/33', 'a b', '', '10.0.0.0/8/8', '*', 'http://host', '-x'])(
    'nowhere for %j, which is told at once',
    async (written) => {
      await expect(AllowList.of([written])).rejects.toThrow(/^--allow: ".*" is no host; write a name/);
    },
  );

  it('nowhere for a name that is none', async () => {
    await expect(AllowList.of(['no-such-host.invalid'])).rejects.toThrow(/cannot be resolved/);
  });
});

describe('whatever comes', () => {
  const hostile = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 1e308, '__proto__', [], {}, null, ''),
  );
  const keys = fc.constantFrom(...Object.keys(plan({ asksFirst: true })), '__proto__', 'constructor');

  it('is taken or refused in words, and never throws', () => {
    fc.assert(
      fc.property(fc.dictionary(keys, hostile), fc.boolean(), (change, isWhole) => {
        const value = isWhole ? change : { ...plan(), ...change };
        const checked = checkPlan(value, taker(), []);
        if ('refusal' in checked) expect(checked.refusal).toMatch(/^laptop /);
        else expect(checked.plan.count).toBeLessThanOrEqual(19_000);
      }),
    );
  });

  it('is told to an agent only if it is something that an agent is told', () => {
    fc.assert(
      fc.property(
        hostile,
        fc.constantFrom('connect', 'phase', 'act', 'drain', 'plan', 'renew'),
        (value, kind) => {
          const told = toldSchema.safeParse({ kind, atMs: value, phase: value, action: value, plan: value });
          expect(told.success).toBe(false);
        },
      ),
    );
  });

  it('is told a phase with a rate, or with one that goes to another', () => {
    const phase = {
      name: 'talk',
      durationMs: 1000,
      messageRate: 5,
      away: 0,
      churnRate: 0,
      awayForMs: 0,
      cut: 0,
    };
    const isTold = (more: object): boolean =>
      toldSchema.safeParse({ kind: 'phase', atMs: 1, phase: { ...phase, ...more } }).success;
    expect([{}, { messageRateTo: 500 }].map(isTold)).toEqual([true, true]);
    expect([{ messageRateTo: -1 }, { messageRateTo: null }, { messageRateTo: 1e300 }].map(isTold)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('is plain data exactly where it is neither deep nor named __proto__', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(isPlainData(JSON.parse(text))).toBe(!text.includes('"__proto__":'));
      }),
    );
  });
});
