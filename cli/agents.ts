import chalk from 'chalk';
import { Command } from 'commander';
import { clientCapacityOf, packetClientCapacityOf } from '../lab/host-capacity.js';
import { packageVersion } from '../lab/version.js';
import type { FoundHost } from '../loadgen/coordination/nats/find-hosts.js';
import { InputError } from '../record/input-error.js';
import { printableData } from '../record/printable.js';
import { formatBytes, formatCount } from '../reports/format.js';
import { alignedRows } from '../reports/terminal.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { type NatsFlags, natsOptions, readNatsOptions } from './nats-options.js';

interface AgentsOptions extends NatsFlags {
  wait: string;
  json?: true;
}

const LONGEST_WAIT_SECONDS = 3600;

export function agentsCommand(finish: Finish): Command {
  const command = new Command('agents')
    .description('Lists the machines that run `c2m agent` at a NATS, what they hold, and which run has them.')
    .option('--wait <seconds>', 'how long to wait for answers', '1')
    .option('--json', 'print JSON and nothing else')
    .action(async (options: AgentsOptions) => {
      finish(await listAgents(options));
    });
  return natsOptions(command).addHelpText(
    'after',
    `
Examples:
  c2m agents --nats nats://10.0.0.5:4222
  c2m agents --nats nats://10.0.0.5:4222 --json | jq '.[].name'

Exit status: 0 somebody has answered, 1 nobody has
`,
  );
}

async function listAgents(options: AgentsOptions): Promise<ExitStatus> {
  const seconds = Number(options.wait);
  if (!(seconds > 0 && seconds <= LONGEST_WAIT_SECONDS)) {
    throw new InputError(`--wait: "${options.wait}" is not a time; write seconds, such as 2`);
  }
  const nats = readNatsOptions(options);
  // Only who speaks to NATS loads what that needs.
  const { connectNats } = await import('../nats/connect.js');
  const { HostSearch } = await import('../loadgen/coordination/nats/find-hosts.js');
  const connection = await connectNats(nats, 'c2m agents');
  try {
    const search = new HostSearch(connection, packageVersion());
    await search.until(() => false, seconds * 1000);
    search.close();
    const { found } = search;
    process.stdout.write(options.json ? `${JSON.stringify(found.map(asData), null, 2)}\n` : listText(found));
    if (found.length > 0) return ExitStatus.Passed;
    if (!options.json) {
      process.stderr.write(
        'no machine has answered; start `c2m agent --nats` with this address on each that is to simulate clients\n',
      );
    }
    return ExitStatus.Incomplete;
  } finally {
    await connection.close();
  }
}

/** What a program may want to know. */
function asData(host: FoundHost) {
  const { id, name, version } = host;
  if (!host.isSameVersion) return { id, name, version, isSameVersion: false };
  const { labels, allow, packets, busy, environment, facts } = host.announcement;
  const clients = {
    sockets: clientCapacityOf(facts),
    packets: packets === true ? packetClientCapacityOf(facts) : 0,
  };
  return {
    id,
    name,
    version,
    isSameVersion: true,
    labels,
    allow,
    packets,
    busy,
    clients,
    environment,
    facts,
  };
}

function listText(hosts: readonly FoundHost[]): string {
  if (hosts.length === 0) return '';
  const rows = printableData(hosts).map(rowOf);
  const lines = alignedRows(
    [['Machine', 'c2m', 'cores', 'free memory', 'sockets', 'packets'], ...rows.map(({ cells }) => cells)],
    (cell, row, column) => {
      if (row === 0) return chalk.dim(cell);
      return column === 0 ? chalk.bold(cell) : cell;
    },
  );
  return lines.map((line, row) => `${line}\n${(rows[row - 1]?.more ?? []).join('')}`).join('');
}

/** The line of a machine, and what stands below it. */
function rowOf(host: FoundHost): { cells: string[]; more: string[] } {
  const { name, version } = host;
  if (!host.isSameVersion) {
    const words = `another version than this one (${packageVersion()}): no run from here takes it`;
    return { cells: [name, version, '', '', '', ''], more: [`  ${chalk.yellow('!')} ${words}\n`] };
  }
  const { labels, allow, packets, busy, facts } = host.announcement;
  const line = (what: string, words: string): string => `  ${chalk.dim(what.padEnd(8))} ${words}\n`;
  const ports = facts.ephemeralPorts;
  return {
    cells: [
      name,
      version,
      formatCount(facts.cores),
      formatBytes(facts.availableBytes),
      `about ${formatCount(rounded(clientCapacityOf(facts)))}`,
      packets === true ? `about ${formatCount(rounded(packetClientCapacityOf(facts)))}` : 'none',
    ],
    more: [
      line('run', busy === null ? 'none: it is free' : busy.words),
      ...(labels.length > 0 ? [line('labels', labels.join(', '))] : []),
      line('loads', ['its own loopback', ...allow].join(', ')),
      ...(ports === null
        ? []
        : [line('ports', `${formatCount(ports)} sockets to each address and port of a target`)]),
      ...(packets === true ? [] : [line('packets', `not carried: ${packets}`)]),
    ],
  };
}

/** Two digits are all that an estimate has. */
function rounded(value: number): number {
  return value < 100 ? value : Number(value.toPrecision(2));
}
