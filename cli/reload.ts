import { Command } from 'commander';
import { reloadServer } from '../lab/admin-client.js';
import { printable, printableLines } from '../record/printable.js';
import { ExitStatus, type Finish } from './exit-status.js';

export const DEFAULT_ADMIN_URL = 'http://127.0.0.1:9464';

export function reloadCommand(finish: Finish): Command {
  return new Command('reload')
    .description(
      'Replaces the code that handles clients in every worker of a running server, while its clients stay connected. ' +
        'A version that cannot be loaded, or fails its check, is refused: the one before stays in force.',
    )
    .argument('[url]', 'admin port of the server', DEFAULT_ADMIN_URL)
    .addHelpText(
      'after',
      `
The server loads the file that its configuration names (handlers: file), or the shipped handlers. SIGHUP does the same.

Examples:
  c2m reload
  c2m reload http://127.0.0.1:9465
`,
    )
    .action(async (url: string) => {
      const answer = await reloadServer(url);
      if ('version' in answer) {
        process.stdout.write(`version ${printable(answer.version)} is in force\n`);
        finish(ExitStatus.Passed);
      } else {
        process.stderr.write(`error: ${printableLines(answer.error)}\n`);
        finish(ExitStatus.Incomplete);
      }
    });
}
