import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import { InputError } from '../record/input-error.js';
import { printable } from '../record/printable.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { listenForInterrupts } from './interrupts.js';
import { openInBrowser } from './open-in-browser.js';
import { readPort } from './port-option.js';

export function uiCommand(finish: Finish): Command {
  return new Command('ui')
    .description(
      'Shows the records below a folder as pages, on this machine and for its user alone: a list to search and to sort, the ' +
        'report of each, the trend of any figure over runs, and a comparison of those that are ticked. Until Ctrl-C.',
    )
    .argument('[dir]', 'folder of records, and of sets of them', 'runs')
    .option('--port <port>', 'port on 127.0.0.1 (default: one that is free)', '0')
    .option('--open', 'open a browser there')
    .addHelpText(
      'after',
      `
Examples:
  c2m ui                    # what is in ./runs
  c2m ui nightly --port 8800
  c2m ui runs --open
`,
    )
    .action(async (folder: string, { port, open }: { port: string; open?: true }) => {
      finish(await browse(folder, readPort('--port', port), open ?? false));
    });
}

async function browse(folder: string, port: number, isToOpen: boolean): Promise<ExitStatus> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    throw new InputError(
      `${printable(folder)} is no folder; name one that holds records, such as what --out of c2m run was`,
    );
  const { serveRecords } = await import('../ui/records-server.js');
  const interrupts = listenForInterrupts();
  const server = await serveRecords(folder, port);
  process.stdout.write(`Runs of ${printable(folder)}  ${server.address}\nCtrl-C ends this.\n`);
  if (isToOpen) await openInBrowser(server.address);
  await new Promise<void>((resolve) => interrupts.onRequest(resolve));
  await server.close();
  interrupts.release();
  return ExitStatus.Passed;
}
