import { isLoopback } from '../protocol/address.js';
import { formatQuantity, parseQuantity } from '../record/quantity.js';
import type { NewProtocol } from './new-scenario-protocols.js';
import { hostOf } from './target-address.js';

/** What somebody wants of a new scenario; figures as they write them. */
export interface NewScenario {
  name: string;
  protocol: NewProtocol;
  /** Null: the reference server, which the lab starts. */
  address: string | null;
  clients: string;
  rate: string;
  duration: string;
  /** Where editors find the schema. */
  schema: string;
  /** The command that it is run with. */
  command: string;
  file: string;
}

/** With so many a second all are there within a few seconds, and no server has trouble with it. */
const MOST_CONNECTS = 1000;
const CONNECT_SECONDS = 2;
/** Of fewer it may be that none falls due, as the gaps between them are drawn. */
const FEWEST_TO_JUDGE = 20;

/** The text of a new scenario, with comments for whoever goes on with it. */
export function newScenarioText(wanted: NewScenario): string {
  const { name, protocol, clients, rate, duration, schema, command, file } = wanted;
  const count = parseQuantity('count', clients);
  const connectRate = Math.max(1, Math.min(MOST_CONNECTS, Math.ceil(count / CONNECT_SECONDS)));
  const perSecond = parseQuantity('rate', rate);
  return `# yaml-language-server: $schema=${schema}
# Written by \`c2m init\`. \`${command} validate ${file}\` checks it, \`${command} run ${file}\` runs it.
# What each key means: docs/scenario.md of c2m, or your editor, by the line above.
name: ${name}
description: ${clients} clients send ${rate} for ${duration}.

${targetLines(wanted).join('\n')}

clients:
  count: ${clients}
  # So fast they connect, all together.
  connectRate: ${connectRate}/s

messages:
  # Payload; the driver adds what its protocol wants. Or a distribution: { lognormal: { median: 120B, sigma: 0.8, max: 4KiB } }
  size: 100B
${protocol.isOneGroup ? groupLines(count) : ''}
# One after the other, once all are connected. Messages fall due at times that are fixed in advance: a server that is slow
# gets no fewer of them, and its latency counts from when a message was due.
phases:
  - { name: talk, duration: ${duration}, rate: ${rate} }
  # From one rate evenly to another: where does it break?
  # - { name: ramp, duration: 30s, rate: ${rate}..${formatQuantity('rate', perSecond * 10)} }
  # A tenth loses its connection at once, and comes back.
  # - { name: cut, duration: ${duration}, rate: ${rate}, cut: 10% }

# What must hold; one that does not makes the exit status 99.
gates:
${gateLines(wanted).join('\n')}
  # Ends the run as soon as it is broken:
  # - { gate: messages.duplicated == 0, abortOnFail: true }
`;
}

/** What a run of it is sure to meet where the server is well. */
function gateLines({ clients, rate, duration }: NewScenario): string[] {
  const messages = (parseQuantity('rate', rate) * parseQuantity('duration', duration)) / 1000;
  const ofMessages = ['messages.lost == 0', 'latency.delivered.p99 < 1s'];
  return [
    `  - connections.peak >= ${parseQuantity('count', clients)}`,
    ...(messages >= FEWEST_TO_JUDGE
      ? ofMessages.map((gate) => `  - ${gate}`)
      : [
          '  - connections.dropped == 0',
          '  # With more messages:',
          ...ofMessages.map((gate) => `  # - ${gate}`),
        ]),
  ];
}

function groupLines(count: number): string {
  return `
# Everybody is in one group: each message is for all the others.
groups:
  members: ${count}
`;
}

function targetLines({ address, protocol }: NewScenario): string[] {
  if (address === null) {
    return [
      '# The reference server, started for the run on free ports of this machine. Your own: c2m init --protocol …',
      'target:',
      '  embedded: { protocol: tcp, store: lmdb }',
    ];
  }
  const host = hostOf(address) ?? '';
  const isHere = isLoopback(host);
  return [
    '# A server that runs already. With `command: [node, server.js]` beside its address the lab starts it for the run, and',
    '# measures its processes (c2m run --trust).',
    'target:',
    `  addresses: ['${address}']`,
    ...(isHere
      ? []
      : ['  # Load goes to another machine only where it is named on purpose.', `  allow: ['${host}']`]),
    ...(protocol.driver
      ? ['  driver:', ...protocol.driver.map((line) => `    ${line}`)]
      : ['  # What clients log in with, where the server asks for it.', '  # token: $' + '{C2M_TOKEN}']),
  ];
}
