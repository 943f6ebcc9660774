import { AllowList } from '../../loadgen/coordination/nats/allow-list.js';
import { LentMachine, type LentMachineOptions } from '../../loadgen/coordination/nats/lent-machine.js';
import { connectNats } from '../../nats/connect.js';
import { afterEachTest } from './clean-up.js';
import type { NatsServer } from './nats-server.js';

const lent: { machine: LentMachine; close: () => Promise<void> }[] = [];
afterEachTest('users', async () => {
  await Promise.all(lent.splice(0).map(({ close }) => close()));
});

/** Lends this machine from within this process; it is taken back after the test. */
export async function lendMachine(
  server: NatsServer,
  options: Partial<Omit<LentMachineOptions, 'allow'>> & { allow?: string[] } = {},
): Promise<{ machine: LentMachine; lines: string[] }> {
  const connection = await connectNats({ url: `nats://127.0.0.1:${server.endpoint.port}` }, 'machine');
  const lines: string[] = [];
  const machine = new LentMachine({
    name: 'laptop',
    labels: [],
    version: '1.2.3',
    isTrusting: false,
    network: 'packets need root',
    tell: (words) => lines.push(words),
    ...options,
    connection,
    allow: await AllowList.of(options.allow ?? []),
  });
  await connection.flush();
  const close = async (): Promise<void> => {
    await machine.close('the test is over');
    await connection.close();
  };
  lent.push({ machine, close });
  return { machine, lines };
}
