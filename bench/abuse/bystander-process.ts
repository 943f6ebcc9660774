import { setPriority } from 'node:os';
import { type BystanderOrder, Bystanders } from './bystanders.js';

/** Bystanders in a process of their own, so that their clock does not wait for the attackers' work. */

export type ToBystanders = { kind: 'start'; order: BystanderOrder } | { kind: 'take' } | { kind: 'finish' };

const AHEAD = -10;
let bystanders: Bystanders | undefined;

process.on('message', async (message: ToBystanders) => {
  switch (message.kind) {
    case 'start':
      bystanders = new Bystanders(message.order);
      await bystanders.start();
      process.send?.('in');
      break;
    case 'take':
      process.send?.(bystanders?.take());
      break;
    case 'finish':
      process.send?.(await bystanders?.finish());
      break;
  }
});
process.on('disconnect', () => process.exit(0));
try {
  setPriority(AHEAD);
} catch (error) {
  // Only root may; then they wait for a core like everybody.
  if ((error as NodeJS.ErrnoException).code !== 'ERR_SYSTEM_ERROR') throw error;
}
process.send?.('up');
