import { Command } from 'commander';
import { MOST_PER_SECOND } from '../loadgen/coordination/run-control.js';
import { InputError } from '../record/input-error.js';
import { parseQuantity, UnitError } from '../record/quantity.js';
import type { Finish } from './exit-status.js';
import { asker, askRun, type RunFlags, runOptions } from './runs-under-way.js';

export function rateCommand(finish: Finish): Command {
  const command = new Command('rate')
    .description(
      'Lets the messages of a run that goes on fall due at another rate, until its phase ends; the next phase has its own again. ' +
        'The record says so, and such a run is compared with no other.',
    )
    .argument('<rate>', 'messages a second of all clients together, such as 5000/s or 300/min; 0 for silence')
    .addHelpText(
      'after',
      `
Examples:
  c2m rate 5000/s
  c2m rate 0 --run chat
  c2m rate 300/min --nats nats://10.0.0.5:4222     # a run whose coordinator is on another machine
`,
    )
    .action(async (rate: string, flags: RunFlags) => {
      const perSecond = readRate(rate);
      finish(await askRun(flags, { kind: 'rate', perSecond, by: asker() }));
    });
  return runOptions(command);
}

/** @throws InputError */
function readRate(text: string): number {
  try {
    const perSecond = parseQuantity('rate', text);
    if (perSecond <= MOST_PER_SECOND) return perSecond;
  } catch (error) {
    if (error instanceof UnitError) throw new InputError(error.message);
    throw error;
  }
  throw new InputError(`${text} is more than a run can have; write ${MOST_PER_SECOND}/s or less`);
}
