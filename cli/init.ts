import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import { packageVersion } from '../lab/version.js';
import { InputError } from '../record/input-error.js';
import { didYouMean } from '../record/near-match.js';
import { parseQuantity, quote, UnitError } from '../record/quantity.js';
import { parseScenario } from '../scenarios/load.js';
import { newScenarioText } from '../scenarios/new-scenario.js';
import { NEW_PROTOCOLS } from '../scenarios/new-scenario-protocols.js';
import { schemaReference } from '../scenarios/schema-reference.js';
import { isAddress } from '../scenarios/target-address.js';
import { type Ask, askAtTerminal, Unanswered } from './ask.js';
import { ExitStatus, type Finish } from './exit-status.js';

interface InitOptions {
  protocol?: string;
  address?: string;
  clients?: string;
  rate?: string;
  duration?: string;
  force?: true;
}

const FILE = 'load-test.yaml';
const PROTOCOLS = Object.keys(NEW_PROTOCOLS);

/** What is meant where nobody says otherwise: it runs on any machine. */
const USUAL = { clients: '200', rate: '200/s', duration: '10s' };
/** Where each message is for everybody. */
const USUAL_IN_ONE_GROUP = { clients: '50', rate: '10/s', duration: '10s' };

export function initCommand(finish: Finish): Command {
  return new Command('init')
    .description(
      'Writes a scenario with comments that can be run as it is. Without a flag it asks, at a terminal; with one, what is left ' +
        'out is as usual. A file that is there is left alone.',
    )
    .argument('[file]', 'what to write', FILE)
    .addOption(
      new Option(
        '--protocol <name>',
        'what the server speaks, or c2m for the reference server, which the lab starts',
      ).choices(PROTOCOLS),
    )
    .option('--address <url>', 'where it listens, such as ws://127.0.0.1:8080')
    .option('--clients <count>', `simulated clients (${USUAL.clients})`)
    .option('--rate <rate>', `messages a second, all clients together (${USUAL.rate})`)
    .option('--duration <time>', `how long (${USUAL.duration})`)
    .option('--force', 'write over a file that is there')
    .addHelpText(
      'after',
      `
Examples:
  c2m init                                                         # asks
  c2m init --protocol websocket --address ws://127.0.0.1:8080      # then: c2m run ${FILE}
  c2m init mqtt.yaml --protocol mqtt --clients 5000 --rate 2000/s --duration 1m
  c2m init own.yaml --protocol c2m

Protocols:
${PROTOCOLS.map((name) => `  ${name.padEnd(22)}${NEW_PROTOCOLS[name]?.summary}`).join('\n')}
  A protocol of your own takes a driver: docs/drivers.md of c2m.
`,
    )
    .action(async (file: string, options: InitOptions) => {
      finish(await init(file, options));
    });
}

async function init(file: string, { force, ...flags }: InitOptions): Promise<ExitStatus> {
  if (/\p{Cc}/u.test(file))
    throw new InputError(
      `${quote(file)}: stands in comments of the scenario and in commands; name a file in one line`,
    );
  const isAsking = Object.keys(flags).length === 0;
  if (isAsking && !(process.stdin.isTTY && process.stdout.isTTY)) {
    throw new InputError(
      `there is no terminal to ask at; say at least what the server speaks, such as --protocol websocket (${PROTOCOLS.join(', ')})`,
    );
  }
  const terminal = isAsking ? askAtTerminal() : undefined;
  try {
    const answers = await answersFrom(flags, terminal?.ask ?? noQuestion);
    const command = process.env.npm_command === 'exec' ? 'npx c2m' : 'c2m';
    const name = PROTOCOLS.find((each) => NEW_PROTOCOLS[each] === answers.protocol) ?? 'load';
    const schema = schemaReference(file, packageVersion());
    const text = newScenarioText({
      ...answers,
      name: `${name}-load`,
      schema,
      command,
      file: shellWord(file),
    });
    // What is written is what `c2m validate` takes, whatever was asked for.
    parseScenario(text, file);
    await write(file, text, force ?? false);
    const start = answers.address === null ? '' : `, with the server at ${answers.address}`;
    process.stdout.write(`${file} is written. Next${start}:\n\n  ${command} run ${shellWord(file)}\n\n`);
    return ExitStatus.Passed;
  } catch (error) {
    if (error instanceof Unanswered) {
      process.stdout.write('\nnothing was written\n');
      return ExitStatus.Interrupted;
    }
    throw error;
  } finally {
    terminal?.end();
  }
}

/** As it is typed in a shell. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Without a terminal everything that is left out is as usual. */
const noQuestion: Ask = async (_question, usual, check) => check(usual);

async function answersFrom(flags: Omit<InitOptions, 'force'>, ask: Ask) {
  const name = flags.protocol ?? (await ask(protocolQuestion(), 'websocket', checkProtocol));
  const protocol = NEW_PROTOCOLS[checkProtocol(name)];
  if (!protocol) throw new InputError(`--protocol: ${quote(name)} is none`);
  const usual = protocol.isOneGroup ? USUAL_IN_ONE_GROUP : USUAL;
  const figure = async (
    key: 'clients' | 'rate' | 'duration',
    kind: 'count' | 'rate' | 'duration',
    question: string,
  ): Promise<string> => {
    const check = (text: string): string => checkFigure(kind, text);
    const flag = flags[key];
    return flag === undefined ? ask(question, usual[key], check) : fromFlag(key, flag, check);
  };
  const checkAddress = (text: string): string => checkedAddress(text, protocol.carriers);
  const address =
    flags.address !== undefined
      ? fromFlag('address', flags.address, checkAddress)
      : protocol.address === null
        ? null
        : await ask('Where does the server listen?', protocol.address, checkAddress);
  return {
    protocol,
    address,
    clients: await figure('clients', 'count', 'How many clients?'),
    rate: await figure('rate', 'rate', 'How many messages a second, all together?'),
    duration: await figure('duration', 'duration', 'For how long?'),
  };
}

/** @throws InputError that names the flag */
function fromFlag(flag: string, text: string, check: (text: string) => string): string {
  try {
    return check(text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`--${flag}: ${error.message}`);
  }
}

function protocolQuestion(): string {
  const list = PROTOCOLS.map((name) => `  ${name.padEnd(22)}${NEW_PROTOCOLS[name]?.summary}`);
  return `${list.join('\n')}\nWhat does the server speak?`;
}

function checkProtocol(text: string): string {
  if (Object.hasOwn(NEW_PROTOCOLS, text)) return text;
  throw new InputError(`${quote(text)} is none of ${PROTOCOLS.join(', ')}${didYouMean(text, PROTOCOLS)}`);
}

function checkedAddress(text: string, carriers: readonly string[]): string {
  const scheme = text.slice(0, text.indexOf('://')).toLowerCase();
  if (isAddress(text) && carriers.includes(scheme) && !text.includes("'")) return text;
  throw new InputError(
    `${quote(text)} is no address of such a server; write ${carriers.join(' or ')}, a host and a port, such as ${carriers[0]}://127.0.0.1:8080`,
  );
}

function checkFigure(kind: 'count' | 'rate' | 'duration', text: string): string {
  try {
    const value = parseQuantity(kind, text);
    if (kind === 'count' && value < 2) throw new InputError(`${text} is too few; write 2 or more`);
    if (kind === 'duration' && value < 100) throw new InputError(`${text} is too short; write 100ms or more`);
    return text.trim();
  } catch (error) {
    if (error instanceof UnitError) throw new InputError(error.message);
    throw error;
  }
}

/** @throws InputError where it is there */
async function write(file: string, text: string, isReplacing: boolean): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: isReplacing ? 'w' : 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new InputError(`${file} is there already; name another file, or give --force to write over it`);
    throw new InputError(`${file} cannot be written: ${message}`);
  }
}
