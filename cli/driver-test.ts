import { resolve } from 'node:path';
import chalk from 'chalk';
import { Command } from 'commander';
import { endChildrenAtAbruptEnd } from '../lab/abrupt-end.js';
import type { DriverCheck } from '../lab/driver-checks.js';
import { type DriverTestOptions, testDriver } from '../lab/driver-test.js';
import { InputError } from '../record/input-error.js';
import { printable } from '../record/printable.js';
import type { Promises } from '../record/promises.js';
import { isDriverFile } from '../scenarios/drivers/own-schema.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { listenForInterrupts } from './interrupts.js';
import { collect } from './repeatable-option.js';

interface TestOptions {
  driver: string;
  set?: string[];
  clients: string;
  json?: true;
}

const MOST_CLIENTS = 100_000;

const EXAMPLES = `
Examples:
  c2m driver test tcp://127.0.0.1:4000
  c2m driver test tcp://127.0.0.1:7000 --driver ./my-driver.js
  c2m driver test ws://127.0.0.1:8080/chat --driver ./my-driver.js --set target.driver.own.settings.room=lobby
`;

export function driverCommand(finish: Finish): Command {
  return new Command('driver')
    .description('What clients speak, and whether a server keeps what that promises.')
    .addHelpText('after', EXAMPLES)
    .addCommand(testCommand(finish));
}

function testCommand(finish: Finish): Command {
  return new Command('test')
    .summary('login, message, ledger, storm, away and back, and what a client costs')
    .description(
      'Says what a driver can tell, and tries it against a server that listens: a login, a message, an open workload with ' +
        'its ledger, a login storm, clients that go away and come back; and what a client and a message cost. It takes ' +
        'about 20 seconds, and ends with 1 where something does not hold that the driver promises.',
    )
    .argument('<url>', 'address of the server: tcp, tls, ws or wss')
    .option('--driver <name|file>', 'a driver that ships, or the file of your own, which is run', 'c2m')
    .option('--set <path=value>', 'a value of the scenario that it is tried with; may be repeated', collect)
    .option('--clients <n>', 'clients that memory is measured with', '1000')
    .option('--json', 'print JSON and nothing else')
    .addHelpText('after', EXAMPLES)
    .action(async (address: string, options: TestOptions) => {
      finish(await test(address, options));
    });
}

async function test(address: string, options: TestOptions): Promise<ExitStatus> {
  const interrupts = listenForInterrupts({ hangup: true });
  const children = endChildrenAtAbruptEnd();
  const wanted: DriverTestOptions = {
    address,
    driver: isDriverFile(options.driver) ? { file: resolve(options.driver) } : { name: options.driver },
    overrides: options.set ?? [],
    idleClients: readClients(options.clients),
    signal: interrupts.signal,
  };
  const say = (text: string): void => {
    if (!options.json) process.stdout.write(text);
  };
  try {
    const tested = await testDriver(wanted, {
      promises: (promises) => say(`${promiseLines(options.driver, address, promises).join('\n')}\n\n`),
      check: (check) => say(`${checkLine(check)}\n`),
    });
    if (options.json)
      process.stdout.write(`${JSON.stringify({ driver: options.driver, ...tested }, null, 2)}\n`);
    return tested.holds ? ExitStatus.Passed : ExitStatus.Incomplete;
  } catch (error) {
    if (interrupts.isRequested) return ExitStatus.Interrupted;
    throw error;
  } finally {
    interrupts.release();
    children.release();
  }
}

function readClients(text: string): number {
  const clients = Number(text);
  if (Number.isInteger(clients) && clients >= 2 && clients <= MOST_CLIENTS) return clients;
  throw new InputError(`--clients: "${text}" is not a number of clients; write 2 to ${MOST_CLIENTS}`);
}

const PROMISE_WORDS: [keyof Promises, string][] = [
  ['accepted', 'the server says that it holds a message'],
  ['receipt', 'the sender is told that the recipient has it'],
  ['groups', 'one message to many'],
  ['storesForAway', 'what is sent to somebody who is away waits'],
  ['groupsStoreForAway', 'the same of what is sent to a group'],
  ['marksRedelivery', 'a copy of what may have come before is marked'],
  ['recognizesRepetitions', 'what is sent again makes no second copy'],
  ['order', 'in which order messages come'],
  ['delivery', 'how often one comes'],
  ['recipient', 'who gets what a client sends'],
];

function promiseLines(driver: string, address: string, promises: Promises): string[] {
  const rows = PROMISE_WORDS.flatMap(([name, words]) => {
    const value = promises[name];
    if (value === undefined) return [];
    const shown = typeof value === 'boolean' ? (value ? 'yes' : 'no') : value;
    return `  ${name.padEnd(22)}${shown.padEnd(15)}${chalk.dim(words)}`;
  });
  return [chalk.bold(printable(`${driver} at ${address} promises`)), ...rows];
}

function checkLine({ name, holds, words }: DriverCheck): string {
  const mark = holds === null ? chalk.dim('·') : holds ? chalk.green('✔') : chalk.red('✘');
  return `  ${mark} ${name.padEnd(20)}${printable(words)}`;
}
