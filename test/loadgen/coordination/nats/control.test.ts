import type { NatsConnection } from '@nats-io/transport-node';
import { afterEach, describe, expect, test } from 'vitest';
import { LiveControl } from '../../../../lab/live-control.js';
import { answerOverNats, findRunsOverNats } from '../../../../loadgen/coordination/nats/control.js';
import { SUBJECTS } from '../../../../loadgen/coordination/nats/messages.js';
import { connectNats } from '../../../../nats/connect.js';
import { startNatsServer } from '../../../support/nats-server.js';

const connections: NatsConnection[] = [];
afterEach(async () => {
  for (const each of connections.splice(0)) await each.close();
});

async function connection(port: number, user?: string): Promise<NatsConnection> {
  const who = user === undefined ? {} : { user, password: 'secret' };
  const made = await connectNats({ url: `nats://127.0.0.1:${port}`, ...who }, 'test');
  connections.push(made);
  return made;
}

/** Lets a run be asked, from when this resolves. */
async function answer(port: number, control: LiveControl): Promise<{ own: NatsConnection; close(): void }> {
  const own = await connection(port);
  const answers = answerOverNats(own, control, (why) => {
    throw new Error(why);
  });
  await own.flush();
  return { own, close: () => answers.close() };
}

describe('runs over NATS', () => {
  test('are found by whoever is on it, and each is asked alone', async () => {
    const { port } = (await startNatsServer()).endpoint;
    const [one, other] = [new LiveControl('one'), new LiveControl('other')];
    await answer(port, one);
    await answer(port, other);
    const runs = await findRunsOverNats(await connection(port));
    const names = runs.map(({ announcement }) => announcement.name);
    expect(names.sort()).toEqual(['one', 'other']);

    const found = runs.find(({ announcement }) => announcement.name === 'other');
    expect(await found?.ask({ kind: 'rate', perSecond: 5, by: 'ann' })).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('still being started'),
    });
    expect(await found?.ask({ kind: 'stop', by: 'ann', why: null })).toMatchObject({ kind: 'done' });
    expect([one.signal.aborted, other.signal.aborted]).toEqual([false, true]);
  });

  test('are gone when they are over', async () => {
    const { port } = (await startNatsServer()).endpoint;
    const { own, close } = await answer(port, new LiveControl('one'));
    const mine = await connection(port);
    const [run] = await findRunsOverNats(mine);
    close();
    await own.flush();
    await expect(run?.ask({ kind: 'stop', by: 'ann', why: null })).rejects.toThrow('it has ended meanwhile');
    expect(await findRunsOverNats(mine)).toEqual([]);
  });

  test('take what is no request for none', async () => {
    const { port } = (await startNatsServer()).endpoint;
    const control = new LiveControl('one');
    await answer(port, control);
    const mine = await connection(port);
    const said = await mine.request(SUBJECTS.control(control.announce().run), 'stop!');
    expect(said.json()).toMatchObject({ kind: 'refused' });
    expect(control.signal.aborted).toBe(false);
  });

  test('whose coordinator may not listen there say so', async () => {
    const server = await startNatsServer({
      config: `authorization { users = [
        { user: coordinator, password: secret, permissions: { subscribe: ["_INBOX.>"] } }
      ] }`,
    });
    const reasons: string[] = [];
    const own = await connection(server.endpoint.port, 'coordinator');
    answerOverNats(own, new LiveControl('one'), (why) => reasons.push(why));
    await expect.poll(() => reasons.length).toBeGreaterThan(0);
    expect(reasons[0]).toContain(SUBJECTS.runs);
  });
});
