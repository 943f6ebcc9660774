import chalk from 'chalk';
import { Command } from 'commander';
import {
  type Advice,
  adviceFor,
  type Capacity,
  CONNECTION_BYTES,
  type ConnectionCost,
  capacityOf,
  PACKET_PROTOCOLS,
} from '../lab/host-capacity.js';
import { type Fit, fitOf, whatPacketsLack } from '../lab/scenario-fit.js';
import { planTarget } from '../lab/target.js';
import { type HostFacts, readHostFacts } from '../loadgen/host-facts.js';
import { formatBytes, formatCount, formatSeconds } from '../reports/format.js';
import type { LoadOptions } from '../scenarios/load.js';
import { loadCells } from '../scenarios/matrix.js';
import type { Scenario, WireProtocol } from '../scenarios/scenario.js';
import { type Clearing, clearOwnerless } from '../server/temporary-folder.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { type FoundPart, findNativeParts, nativePartRows } from './native-parts.js';
import { collect } from './repeatable-option.js';

export function doctorCommand(finish: Finish): Command {
  return new Command('doctor')
    .description(
      'Says what this host can hold, and prints the commands that would raise each limit. It changes no setting, ' +
        'and removes temporary folders that runs left behind when they were killed. ' +
        'With a scenario the exit status is 1 where that does not fit.',
    )
    .argument('[scenario]', 'a scenario to fit onto this host')
    .option('--set <path=value>', 'override a value of the scenario; may be repeated', collect)
    .option('--trust', 'load a driver of the scenario’s own, to know what it asks for')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  c2m doctor\n  c2m doctor chat --set clients.count=500000\n')
    .action(async (file: string | undefined, options: { set?: string[]; trust?: true; json?: true }) => {
      const facts = readHostFacts();
      const trust = { isTrusted: options.trust ?? false, isOnlyPlanned: true };
      const fit = file === undefined ? undefined : await fitOfFile(file, options.set, trust, facts);
      const capacity = capacities(facts, SOCKET_PROTOCOLS, 'sockets');
      const packetCapacity = capacities(facts, PACKET_PROTOCOLS, 'packets');
      const advice = adviceFor(facts);
      const leftBehind = await clearOwnerless();
      const parts = await findNativeParts();
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ facts, capacity, packetCapacity, advice, leftBehind, parts, ...(fit ? { fit } : {}) }, null, 2)}\n`
          : [
              factsText(facts),
              capacityText(capacity, packetCapacity),
              partsText(parts),
              fit ? fitText(fit) : '',
              adviceText(advice),
              leftBehindText(leftBehind),
            ]
              .filter(Boolean)
              .join('\n'),
      );
      finish(fit && !fit.fits ? ExitStatus.Incomplete : ExitStatus.Passed);
    });
}

/** Of a matrix, that of the combination that fits least. */
async function fitOfFile(
  file: string,
  overrides: readonly string[] | undefined,
  options: LoadOptions,
  facts: HostFacts,
): Promise<Fit> {
  const fits: Fit[] = [];
  for (const { name, loaded } of await loadCells(file, overrides, options)) {
    const fit = fitOf(loaded.scenario, await planTarget(loaded.scenario), facts);
    fits.push(name === '' ? fit : { ...fit, scenario: `${fit.scenario} (matrix: ${name})` });
  }
  const [largest] = fits.sort(
    (one, other) => Number(one.fits) - Number(other.fits) || other.bytes - one.bytes,
  );
  return largest as Fit;
}

function factsText(facts: HostFacts): string {
  const known = (value: number | null): string => (value === null ? 'no limit known' : formatCount(value));
  const { openFiles } = facts;
  return section('This host', [
    ['cores', formatCount(facts.cores)],
    ['memory', `${formatBytes(facts.memoryBytes)}, ${formatBytes(facts.availableBytes)} of it available`],
    ['open files', `${known(openFiles.soft)} a process (hard limit ${known(openFiles.hard)})`],
    ['files in all', `${known(facts.fileMax)} (fs.file-max), ${known(facts.filesInUse)} in use`],
    [
      'ports',
      `${known(facts.ephemeralPorts)} for each loopback address to dial from, of which there are 16 million`,
    ],
    ['accept queue', `${known(facts.somaxconn)} (net.core.somaxconn)`],
    ['SYN queue', `${known(facts.tcpMaxSynBacklog)} (net.ipv4.tcp_max_syn_backlog)`],
    [
      'tracking',
      facts.conntrackMax === null
        ? 'none: no firewall keeps track of connections'
        : known(facts.conntrackMax),
    ],
  ]);
}

type Capacities = Partial<Record<WireProtocol, Capacity>>;

const SOCKET_PROTOCOLS = Object.keys(CONNECTION_BYTES) as WireProtocol[];

function capacities(
  facts: HostFacts,
  protocols: readonly WireProtocol[],
  transport: Scenario['generator']['transport'],
): Capacities {
  return Object.fromEntries(protocols.map((protocol) => [protocol, capacityOf(facts, protocol, transport)]));
}

function capacityText(overSockets: Capacities, overPackets: Capacities): string {
  const lack = whatPacketsLack();
  const needs = lack === null ? '' : `; not as it is: it lacks ${lack.replace(/,$/, '')}`;
  const rows = (capacity: Capacities, suffix: string, more: string): [string, string][] =>
    Object.entries(capacity).map(([protocol, { connections, boundBy, bytesPerConnection }]) => [
      `${protocol}${suffix}`,
      `${formatCount(rounded(connections)).padStart(9)} connections at ${formatBytes(bytesPerConnection)} each, bounded by ${boundBy}${more}`,
    ]);
  return section('It can hold about, server and clients together', [
    ...rows(overSockets, '', ''),
    ...rows(overPackets, ', packets', needs),
  ]);
}

function partsText(parts: FoundPart[]): string {
  return section('Native parts, without which c2m can do less', nativePartRows(parts));
}

function fitText(fit: Fit): string {
  const processes = [
    ...(fit.serverWorkers === null
      ? []
      : [`${fit.serverWorkers} server worker${fit.serverWorkers === 1 ? '' : 's'}`]),
    `${fit.agents} agent${fit.agents === 1 ? '' : 's'}`,
  ];
  return section(`The scenario ${fit.scenario}`, [
    ['clients', `${formatCount(fit.clients)} over ${fit.protocol}`],
    ['processes', processes.join(', ')],
    ['memory', `about ${formatBytes(fit.bytes)}`],
    ...(fit.cost ? [['each', costWords(fit.cost)] as [string, string]] : []),
    [
      'sysctls',
      fit.sysctls.length === 0
        ? 'none to change'
        : `as root, before the run: ${fit.sysctls.map((each) => `sysctl -w ${each}`).join('; ')}`,
    ],
    ['takes', `about ${formatSeconds(Math.round(fit.expectedSeconds))}`],
    ['fits', fit.fits ? chalk.green('yes') : chalk.red(`no: ${fit.short} would not be enough`)],
  ]);
}

function costWords({ kernel, server, client }: ConnectionCost): string {
  return `kernel ${formatBytes(kernel)}, server ${formatBytes(server)}, client ${formatBytes(client)}`;
}

function adviceText(advice: Advice[]): string {
  if (advice.length === 0) return section('Nothing to raise', []);
  const lines = advice.flatMap(({ limit, why, commands }) => [
    `  ${chalk.yellow('!')} ${limit}`,
    `    ${chalk.dim(why)}`,
    ...commands.map((command) => `      ${command}`),
  ]);
  return `\n${chalk.bold('What would raise it (as root; nothing was changed)')}\n${lines.join('\n')}\n`;
}

function leftBehindText({ cleared, left }: Clearing): string {
  if (cleared.length + left.length === 0) return '';
  return section('Left behind by runs that were killed', [
    ...cleared.map((path): [string, string] => ['removed', path]),
    ...left.map((why): [string, string] => ['not removed', why]),
  ]);
}

function section(title: string, rows: [string, string][]): string {
  return `\n${chalk.bold(title)}\n${rows.map(([name, words]) => `  ${chalk.dim(name.padEnd(13))} ${words}\n`).join('')}`.replace(
    /\n$/,
    '',
  );
}

/** Two digits are all that an estimate has. */
function rounded(value: number): number {
  return value < 100 ? value : Number(value.toPrecision(2));
}
