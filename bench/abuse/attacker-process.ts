import { setPriority } from 'node:os';
import { type Attack, type AttackOrder, lasting } from './attack-context.js';
import { ATTACKS, type AttackName } from './attacks.js';
import { Tally } from './tally.js';

/** One attacker in a process of its own: says when it is prepared, and runs when it is told to. */

const BEHIND = 15;

process.on('message', async (order: AttackOrder | { prepare: AttackName }) => {
  if ('prepare' in order) {
    const attack: Attack = ATTACKS[order.prepare];
    await attack.prepare?.();
    process.send?.('prepared');
    return;
  }
  const tally = new Tally();
  const before = process.cpuUsage();
  const context = lasting({ ...order, tally }, order.seconds * 1000);
  await ATTACKS[order.attack as AttackName].run(context);
  const { user, system } = process.cpuUsage(before);
  process.send?.({ ...tally.report(), cpuSeconds: (user + system) / 1e6 });
});
process.on('disconnect', () => process.exit(0));
// The cores are for those that are measured.
setPriority(BEHIND);
process.send?.('up');
