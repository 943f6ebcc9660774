import { Command } from 'commander';
import { checkScenario } from '../lab/agents.js';
import { printable, printableLines } from '../record/printable.js';
import { formatCount, formatSeconds, plural } from '../reports/format.js';
import { expectedDurationMs } from '../scenarios/expected-duration.js';
import type { LoadedScenario } from '../scenarios/load.js';
import { type Cell, loadCells } from '../scenarios/matrix.js';
import { offeredMessages } from '../scenarios/offered-load.js';
import type { Scenario } from '../scenarios/scenario.js';
import { ScenarioError } from '../scenarios/scenario-error.js';
import { withoutUrlSecrets } from '../scenarios/secret-places.js';
import { describeError, ExitStatus, type Finish, statusOfError } from './exit-status.js';
import { collect } from './repeatable-option.js';

interface ValidateOptions {
  set?: string[];
  trust?: boolean;
}

export function validateCommand(finish: Finish): Command {
  return new Command('validate')
    .description(
      'Checks scenarios as `c2m run` does before it starts anything, and says what each of them does. It starts nothing, and ' +
        'runs no code of theirs without --trust.',
    )
    .argument('<scenario...>', 'YAML files, or names of shipped scenarios')
    .option('--set <path=value>', 'override a value of each of them; may be repeated', collect)
    .option('--trust', 'load a driver of the scenario’s own, to know what it asks for')
    .addHelpText(
      'after',
      '\nExamples:\n  c2m validate my.yaml\n  c2m validate scenarios/*.yaml --set clients.count=100\n',
    )
    .action(async (files: string[], options: ValidateOptions) => {
      let status: ExitStatus = ExitStatus.Passed;
      for (const file of files) {
        try {
          process.stdout.write(`${await validate(file, options)}\n`);
        } catch (error) {
          // One that is not a fault of the file is a fault of c2m, and no reason to look at the next.
          if (statusOfError(error) !== ExitStatus.WrongInput) throw error;
          const words = printableLines(describeError(error));
          // What a scenario error tells begins with the file.
          process.stderr.write(error instanceof ScenarioError ? `${words}\n` : `${prefixed(file, words)}\n`);
          status = ExitStatus.WrongInput;
        }
      }
      finish(status);
    });
}

/** What it does, in a line or two. @throws what is wrong with it */
async function validate(file: string, { set = [], trust = false }: ValidateOptions): Promise<string> {
  // Whether somebody trusts it is asked when it is run; until then nothing of it is.
  const cells = await loadCells(file, set, { isTrusted: true });
  for (const { name, loaded } of cells) {
    if (!trust && usesOwnDriver(loaded)) continue;
    await inCell(name, () => checkScenario(loaded.scenario));
  }
  const { loaded } = cells[0] as Cell;
  const more =
    cells.length > 1 ? [`a matrix of ${cells.length}: ${cells.map(({ name }) => name).join('; ')}`] : [];
  const reach = await whyTrust(file, set);
  return [
    `${file}: ${scenarioWords(loaded.scenario)}`,
    ...[
      ...more,
      ...reach,
      ...(loaded.variables?.length ? [`reads ${loaded.variables.join(', ')} of the environment`] : []),
      ...loaded.notes,
    ].map((line) => `  ${line}`),
  ]
    .map(printable)
    .join('\n');
}

function usesOwnDriver({ scenario: { target } }: LoadedScenario): boolean {
  return target.kind !== 'embedded' && target.driver.name === 'own';
}

async function inCell(name: string, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (name !== '' && error instanceof Error) error.message = `${error.message} (matrix: ${name})`;
    throw error;
  }
}

/** Whether `c2m run` will ask for `--trust`, and why. */
async function whyTrust(file: string, overrides: readonly string[]): Promise<string[]> {
  try {
    await loadCells(file, overrides, { isTrusted: false });
    return [];
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.issues.slice(0, 1).map(({ path, message }) => {
      const what = message.replace(/; [^;]*--trust[^(]*/, '');
      return `needs --trust: ${path} ${what}`.trimEnd();
    });
  }
}

function prefixed(file: string, words: string): string {
  return words
    .split('\n')
    .map((line) => `${printable(file)}: ${line}`)
    .join('\n');
}

/** `2,000 clients of the reference server, 20 s; …` */
export function scenarioWords(scenario: Scenario): string {
  const { clients, phases, actions, gates } = scenario;
  const messages = phases.reduce((sum, phase) => sum + offeredMessages(phase), 0);
  const peak = Math.max(
    ...phases.map(({ messageRate, messageRateTo = 0 }) => Math.max(messageRate, messageRateTo)),
  );
  const load =
    messages === 0
      ? 'hold their connections'
      : `send about ${formatCount(Math.round(messages))} messages, at most ${formatCount(peak)}/s,`;
  const parts = [
    `${formatCount(clients.count)} clients of ${targetName(scenario)} ${load} in ${plural(phases.length, 'phase')}`,
    `about ${formatSeconds(Math.round(expectedDurationMs(scenario) / 1000))}`,
    ...(actions.length > 0 ? [plural(actions.length, 'action')] : []),
    plural(gates.length, 'gate'),
  ];
  return parts.join('; ');
}

function targetName({ target }: Scenario): string {
  switch (target.kind) {
    case 'embedded':
      return target.cluster
        ? `a cluster of ${plural(target.cluster.nodes, 'node')}`
        : `the reference server (${target.protocol})`;
    case 'command':
      return `${target.command.run[0]} (${target.driver.name}), which the lab starts,`;
    case 'external':
      return `${target.driver.name} at ${target.addresses.map(withoutUrlSecrets).join(', ')}`;
  }
}
