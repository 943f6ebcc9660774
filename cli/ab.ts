import { Command } from 'commander';
import { ab } from '../lab/ab.js';
import { defaultRecordFolder, demandNoRecords } from '../lab/record-folder.js';
import { type LoadedScenario, secretsOfLoaded } from '../scenarios/load.js';
import { hideInOverride } from '../scenarios/secrets.js';
import { agentsFor } from './agents-option.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { loadLoneScenario } from './lone-scenario.js';
import { type NatsFlags, natsOptions } from './nats-options.js';
import { readNumberOfRuns } from './number-of-runs.js';
import { RecordedRuns } from './recorded-runs.js';
import { collect } from './repeatable-option.js';
import { printComparison, readShare, type ShowOptions, statusOfComparison } from './show-comparison.js';
import { openTelemetry } from './telemetry.js';
import { type TelemetryFlags, telemetryOptions } from './telemetry-options.js';

interface AbOptions extends ShowOptions, NatsFlags, TelemetryFlags {
  agents?: string;
  a?: string[];
  b?: string[];
  set?: string[];
  runs: string;
  smallestEffect: string;
  out?: string;
  trust?: true;
  quiet?: true;
}

/** Fewer can hardly decide any figure. */
const FEWEST_RUNS = 2;
const MOST_RUNS = 500;

export function abCommand(finish: Finish): Command {
  const command = new Command('ab')
    .description(
      'Runs two variants of a scenario by turns, A B B A, each with a fresh server, and says whether B is worse. What seems ' +
        'worse is run again before it fails. Without --a and --b it shows how far apart two runs of the same are here.',
    )
    .argument('<scenario>', 'a YAML file, or the name of a shipped scenario')
    .option('--a <path=value>', 'override of variant A, the base; may be repeated', collect)
    .option('--b <path=value>', 'override of variant B; may be repeated', collect)
    .option('--set <path=value>', 'override of both; may be repeated', collect)
    .option('--runs <n>', 'runs of each variant', '5')
    .option('--smallest-effect <share>', 'the smallest change worth reporting', '5%')
    .option('--out <dir>', 'folder for all records (default: runs/<time>-<name>-ab)')
    .option('--trust', 'as for c2m run')
    .option('--agents <nats-url>', 'as for c2m run')
    .option('--html <file>', 'write the comparison page')
    .option('--junit <file>', 'write JUnit XML')
    .option('--markdown', 'print the comparison as Markdown')
    .option('--json', 'print the comparison as JSON and nothing else')
    .option('--quiet', 'show no progress')
    .action(async (file: string, options: AbOptions) => {
      finish(await run(file, options));
    });
  return telemetryOptions(natsOptions(command, false)).addHelpText(
    'after',
    `
Examples:
  c2m ab ci-smoke --a target.embedded.store=memory --b target.embedded.store=lmdb
  c2m ab quickstart --b target.embedded.workers=2 --runs 10 --html comparison.html
  c2m ab soak --b target.embedded.workers=2 --metrics     # series of A and B have \`variant\`
`,
  );
}

async function run(file: string, options: AbOptions): Promise<ExitStatus> {
  const { set = [], a = [], b = [] } = options;
  const trust = { isTrusted: options.trust ?? false };
  const load = (more: readonly string[]) =>
    loadLoneScenario(file, [...set, ...more], trust, 'a comparison of two variants');
  const variants = { base: await load(a), current: await load(b) };
  const agents = agentsFor(options, options.agents, [variants.base.scenario, variants.current.scenario]);
  const runs = readNumberOfRuns('--runs', options.runs, FEWEST_RUNS, MOST_RUNS);
  const smallestEffect = readShare(options.smallestEffect);
  const folder = options.out ?? `${defaultRecordFolder(variants.base.scenario.name)}-ab`;
  await demandNoRecords(folder);
  const isMachineRead = options.json || options.markdown;
  const telemetry = await openTelemetry(options, (words) => process.stderr.write(`${words}\n`));
  const show = new RecordedRuns(
    { ...(options.quiet && { quiet: true }), ...(isMachineRead && { json: true }) },
    { telemetry },
  );
  const tell = (words: string): void => {
    if (!isMachineRead) process.stdout.write(`${words}\n`);
  };
  try {
    const overrides = { base: nameOf(a, variants.base), current: nameOf(b, variants.current) };
    const names = { base: overrides.base || 'A', current: overrides.current || 'B' };
    const { signal } = show.interrupts;
    const outcome = await ab(
      { variants, names, runs, smallestEffect, folder, signal, ...(agents && { agents }) },
      {
        begins: (side, number, of) => {
          const variant = side === 'base' ? 'A' : 'B';
          tell(`${variant} ${number} of ${of}: ${names[side]}`);
          const about = { number: `${number}`, overrides: overrides[side] };
          return show.observe(variants[side], { group: { variant }, about });
        },
        recorded: (_side, _number, one, record) => show.keep(one, record),
        looksAgain: (suspects, more) =>
          tell(`${suspects.join(', ')} may be worse: ${more} more runs of each`),
      },
    );
    show.endView();
    if (outcome.droppedPairs > 0)
      tell(
        `${outcome.droppedPairs} pairs of runs proved nothing, as the generator could not keep up, and are left out`,
      );
    if (outcome.comparison) await printComparison(outcome.comparison, outcome.folders, options);
    if (outcome.failure) throw outcome.failure;
    if (show.isInterrupted) return ExitStatus.Interrupted;
    return outcome.comparison ? statusOfComparison(outcome.comparison) : ExitStatus.Incomplete;
  } finally {
    show.release();
    await telemetry.close();
  }
}

/** What a variant sets, as reports tell it: without secrets. */
function nameOf(overrides: readonly string[], loaded: LoadedScenario): string {
  const secrets = secretsOfLoaded(loaded);
  return overrides.map((override) => hideInOverride(override, secrets)).join(' ');
}
