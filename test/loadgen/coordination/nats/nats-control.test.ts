import { describe, expect, test } from 'vitest';
import { LiveControl } from '../../../../lab/live-control.js';
import { findRunsOverNats } from '../../../../loadgen/coordination/nats/control.js';
import { connectNats } from '../../../../nats/connect.js';
import { c2m } from '../../../cli/c2m.js';
import { coordinate, lendMachine, urlOf } from '../../../support/lent-machines.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { testRun, testScenario } from '../../../support/run.js';
import { addressOf, testServer } from '../../../support/server.js';

describe('a run over two machines', { timeout: 120_000 }, () => {
  test('takes another rate from anywhere on its NATS, on both machines at once, and ends when it is told to', async () => {
    const [server, nats] = [await testServer(), await startNatsServer()];
    for (const name of ['a', 'b']) await lendMachine(nats, name);
    const { coordinator } = await coordinate(nats);
    const scenario = testScenario((each) => {
      each.generator.agents = 2;
      each.phases = each.phases.map((phase) => ({ ...phase, durationMs: 90_000, messageRate: 100 }));
    });
    const control = new LiveControl('far away');
    coordinator.answer(control, (why) => {
      throw new Error(why);
    });
    const run = await testRun(scenario, addressOf(server), null, null, null, undefined, coordinator);
    control.attach(run);
    control.signal.addEventListener('abort', () => run.interrupt(control.whyStopped));
    const due: number[] = [];
    run.on('sample', ({ messages, phase, seconds }) => {
      if (phase === 'talk') due.push(messages.due / seconds);
    });
    await expect.poll(() => due.length, { timeout: 30_000 }).toBeGreaterThan(0);

    const other = await connectNats({ url: urlOf(nats) }, 'somebody');
    const [found] = await findRunsOverNats(other);
    expect(found?.announcement).toMatchObject({ name: 'far away', phase: 'talk' });
    const answer = await found?.ask({ kind: 'rate', perSecond: 400, by: 'ann@far' });
    expect(answer).toMatchObject({ kind: 'done', words: expect.stringMatching(/^400\/s from /) });
    await other.close();
    // Two machines that took it at two times, or one alone, would be between the two rates for ever.
    await expect.poll(() => due.at(-1), { timeout: 20_000 }).toBeCloseTo(400, -1);

    const stop = await c2m('stop', '--nats', urlOf(nats), '--run', 'far away', '--why', 'lunch');
    expect([stop.status, stop.stderr]).toEqual([0, '']);
    const { isPartial, notes, rateChanges, messages } = await run.measurement;
    expect(isPartial).toBe(true);
    expect(notes.join()).toMatch(/stopped with c2m stop by \S+: lunch/);
    expect(rateChanges).toMatchObject([{ phase: 'talk', perSecond: 400, by: 'ann@far' }]);
    expect(messages).toMatchObject({ lost: 0, duplicated: 0, unsent: 0 });
  });
});
