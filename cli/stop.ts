import { Command } from 'commander';
import { LONGEST_WORDS } from '../loadgen/coordination/run-control.js';
import { InputError } from '../record/input-error.js';
import type { Finish } from './exit-status.js';
import { asker, askRun, type RunFlags, runOptions } from './runs-under-way.js';

export function stopCommand(finish: Finish): Command {
  const command = new Command('stop')
    .description(
      'Ends a run that goes on in good order: what is under way arrives, what was measured is written and reported as partial. ' +
        'The record says who has stopped it.',
    )
    .option('--why <words>', 'a reason, for the record')
    .addHelpText(
      'after',
      `
Examples:
  c2m stop
  c2m stop --run chat --why "the disk of the server is full"
  c2m stop --nats nats://10.0.0.5:4222     # a run whose coordinator is on another machine
`,
    )
    .action(async ({ why = null, ...flags }: RunFlags & { why?: string | null }) => {
      if (why !== null && (why === '' || why.length > LONGEST_WORDS))
        throw new InputError(`--why: write up to ${LONGEST_WORDS} characters, or leave it out`);
      finish(await askRun(flags, { kind: 'stop', by: asker(), why }));
    });
  return runOptions(command);
}
