import { hostname } from 'node:os';
import type { NatsConnection } from '@nats-io/transport-node';
import { Command } from 'commander';
import { clientCapacityOf } from '../lab/host-capacity.js';
import { packageVersion } from '../lab/version.js';
import { AllowList } from '../loadgen/coordination/nats/allow-list.js';
import { LentMachine } from '../loadgen/coordination/nats/lent-machine.js';
import { lendPackets } from '../loadgen/coordination/nats/lent-packets.js';
import { readHostFacts } from '../loadgen/host-facts.js';
import { RunError } from '../loadgen/run-error.js';
import { connectNats, tellOfConnection } from '../nats/connect.js';
import { InputError } from '../record/input-error.js';
import { printable } from '../record/printable.js';
import { formatCount } from '../reports/format.js';
import { LABEL } from '../scenarios/agents-schema.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { type Interrupts, listenForInterrupts } from './interrupts.js';
import { type NatsFlags, natsOptions, readNatsOptions } from './nats-options.js';
import { collect } from './repeatable-option.js';

interface AgentOptions extends NatsFlags {
  name: string;
  label?: string[];
  allow?: string[];
  trust?: true;
  packets?: true;
}

const LONGEST_NAME = 64;
/** What was said last is given so long to leave. */
const FLUSH_MS = 500;

export function agentCommand(finish: Finish): Command {
  const command = new Command('agent').description(
    'Lends this machine: whoever may use the NATS server can have clients simulated here, one run at a time. ' +
      'Load goes to this machine itself, and elsewhere only where --allow lets it. Ctrl-C takes the machine back, ' +
      'and a run whose coordinator is not heard any more is ended within 5 seconds.',
  );
  return natsOptions(command)
    .option('--name <name>', 'what the machine is called', hostname())
    .option('--label <label>', 'by which scenarios choose machines (agents.labels); may be repeated', collect)
    .option('--allow <host>', 'name, address or network that load may go to; may be repeated', collect)
    .option('--trust', "run drivers of a scenario's own: their code, with the rights of this user")
    .option(
      '--packets',
      'send packets too (Linux, root, iproute2): makes a network of its own, forwards its packets while a run has the machine, ' +
        'and says what it changes',
    )
    .addHelpText(
      'after',
      `
Examples:
  c2m agent --nats nats://10.0.0.5:4222 --allow 10.0.0.0/24
  sudo c2m agent --nats nats://10.0.0.5:4222 --allow 10.0.0.7 --packets
  c2m agent --nats tls://nats.example:4222 --nats-creds lab.creds --label eu --allow chat.example
  C2M_NATS=nats://lab@10.0.0.5 C2M_NATS_PASSWORD=… c2m agent --allow 10.0.0.7
`,
    )
    .action(async (options: AgentOptions) => {
      const interrupts = listenForInterrupts({ hangup: true });
      try {
        finish(await lend(options, interrupts));
      } finally {
        interrupts.release();
      }
    });
}

async function lend(options: AgentOptions, interrupts: Interrupts): Promise<ExitStatus> {
  const { allow = [], label = [], name } = options;
  checkWords(name, label);
  const nats = readNatsOptions(options);
  const allowed = await AllowList.of(allow);
  const connection = await connectNats(nats, `c2m agent ${name}`);
  try {
    await lendOver(connection, allowed, options, interrupts);
  } finally {
    // One that is not there is looked for without end, and keeps the process.
    await connection.close();
  }
  say(`does not lend ${name} any more`);
  return ExitStatus.Passed;
}

/** Until the owner takes the machine back. @throws RunError where NATS does not let it in any more */
async function lendOver(
  connection: NatsConnection,
  allowed: AllowList,
  options: AgentOptions,
  interrupts: Interrupts,
): Promise<void> {
  const { label = [], name } = options;
  const network = options.packets ? lendPackets() : 'it was not lent with c2m agent --packets';
  const machine = new LentMachine({
    connection,
    name,
    labels: label,
    version: packageVersion(),
    allow: allowed,
    isTrusting: options.trust ?? false,
    network,
    tell: say,
  });
  void tellOfConnection(connection, say);
  // Whoever reads the line may ask for the machine at once.
  await flushed(connection);
  say(`lends ${name}: ${lentWords(typeof network === 'string' ? network : undefined, allowed.written)}`);
  if (typeof network !== 'string') for (const line of network.describe()) say(line);
  const taken = new Promise<undefined>((resolve) => interrupts.onRequest(() => resolve(undefined)));
  const error = await Promise.race([taken, connection.closed().then((why) => why ?? new Error('closed'))]);
  if (error) {
    await machine.close('its machine lost NATS');
    throw new RunError('C2M_RUN', `NATS does not let this machine in any more: ${error.message}`);
  }
  await machine.close('its machine was taken back by its owner');
  await flushed(connection);
}

/** NATS has what was said, or does not answer. */
async function flushed(connection: NatsConnection): Promise<void> {
  const said = connection.flush().catch(() => undefined);
  await Promise.race([said, new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref())]);
}

function checkWords(name: string, labels: readonly string[]): void {
  if (name === '' || name.length > LONGEST_NAME || printable(name) !== name)
    throw new InputError(`--name: ${JSON.stringify(name)} must be 1 to ${LONGEST_NAME} signs`);
  for (const label of labels) {
    if (!LABEL.test(label))
      throw new InputError(`--label: ${JSON.stringify(label)} must be letters, digits, dots and dashes`);
  }
}

/** What there is to be had. */
function lentWords(noPackets: string | undefined, allow: readonly string[]): string {
  const facts = readHostFacts();
  const clients = Number(clientCapacityOf(facts).toPrecision(2));
  const { ephemeralPorts } = facts;
  const ports =
    ephemeralPorts === null ? '' : ` (${formatCount(ephemeralPorts)} to each address of another machine)`;
  return [
    `${facts.cores} cores`,
    `about ${formatCount(clients)} clients over sockets${ports}`,
    noPackets === undefined ? 'packets too' : `none over packets (${noPackets})`,
    `load goes to ${['itself', ...allow].join(', ')}`,
  ].join(', ');
}

/** A line with its time: a machine is lent for days. */
function say(words: string): void {
  process.stdout.write(`${new Date().toISOString().slice(0, 19)}Z ${printable(words)}\n`);
}
