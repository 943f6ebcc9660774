import { join } from 'node:path';
import { Command } from 'commander';
import { numbered } from '../lab/ab.js';
import { defaultRecordFolder, demandNoRecords } from '../lab/record-folder.js';
import type { NatsOptions } from '../nats/connect.js';
import { readRecordsAt } from '../record/branch/records-at.js';
import { InputError } from '../record/input-error.js';
import type { RunRecord } from '../record/run.js';
import { spreadForTerminal } from '../reports/spread-text.js';
import type { LoadedScenario } from '../scenarios/load.js';
import { type Cell, loadCells } from '../scenarios/matrix.js';
import type { Scenario } from '../scenarios/scenario.js';
import { agentsFor } from './agents-option.js';
import { type CiFlags, ciOptions } from './ci-reports.js';
import { dryRun } from './dry-run.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { runMatrix } from './matrix-runs.js';
import { type NatsFlags, natsOptions } from './nats-options.js';
import { readNumberOfRuns } from './number-of-runs.js';
import { RecordedRuns } from './recorded-runs.js';
import { collect } from './repeatable-option.js';
import { openPage, type PageFlags, pageOptions } from './run-page.js';
import { openTelemetry } from './telemetry.js';
import { type TelemetryFlags, telemetryOptions } from './telemetry-options.js';

/** Past it the noise of a machine is known well enough. */
const MOST_REPEATS = 1000;

interface RunOptions extends NatsFlags, TelemetryFlags, CiFlags, PageFlags {
  agents?: string;
  set?: string[];
  out?: string;
  baseline?: string;
  repeat?: string;
  force?: true;
  json?: true;
  quiet?: true;
  trust?: true;
  dryRun?: true;
}

export function runCommand(finish: Finish): Command {
  const command = new Command('run')
    .description(
      'Runs a scenario: starts the server if the scenario embeds one, simulates the clients, and writes a run record.',
    )
    .argument('<scenario>', 'a YAML file, or the name of a shipped scenario (see `c2m scenarios`)')
    .option('--set <path=value>', 'override a value of the scenario; may be repeated', collect)
    .option('--out <dir>', 'folder for the record (default: runs/<time>-<name>)')
    .option(
      '--baseline <dir>',
      'what gates with `baseline` are set against: a record, a folder of them, or branch:NAME[:PATH] of this repository',
    )
    .option(
      '--repeat <n>',
      'run it so often, with a fresh server each time; --out is then a folder of records',
    )
    .option('--force', 'replace a record that --out holds already')
    .option(
      '--trust',
      'let the scenario start a server (target.command), run code of its own (a driver, handlers), have the server read files, and listen beyond this machine',
    )
    .option(
      '--agents <nats-url>',
      'simulate the clients on the machines that run `c2m agent`, met at this NATS (scenario: agents)',
    )
    .option('--dry-run', 'print the plan, start nothing and write nothing')
    .option('--json', 'print run.json at the end and nothing else')
    .option('--quiet', 'show no progress')
    .action(async (file: string, options: RunOptions) => {
      finish(await run(file, options));
    });
  return ciOptions(telemetryOptions(natsOptions(pageOptions(command), false))).addHelpText(
    'after',
    `
Examples:
  c2m run quickstart
  c2m run quickstart --dry-run                       # what it would do
  c2m run scenarios/chat.yaml --set clients.count=50000 --set phases.lunch.rate=3000/s
  c2m run chat --baseline runs/before --set 'gates=["latency.delivered.p99 <= baseline * 1.1"]'
  c2m run ci-smoke --repeat 5 --out runs/before
  c2m run matrix.yaml --repeat 3     # every value of its matrix, by turns, and a page that lays them side by side
  c2m run my.yaml --set target=tcp://127.0.0.1:4000 --out runs/mine --json > result.json
  c2m run soak --ui                  # and watch it in a browser; --ui=8800 for a port of your choice
  c2m run my.yaml --agents nats://10.0.0.5:4222      # on all machines there that run \`c2m agent\`
  c2m run soak --metrics                             # Prometheus scrapes http://127.0.0.1:9466/metrics meanwhile
  c2m run soak --otlp http://127.0.0.1:4318          # metrics and a trace for a collector of OpenTelemetry
  c2m run my.yaml --baseline branch:c2m-baseline:chat --gitlab
`,
  );
}

async function run(file: string, options: RunOptions): Promise<ExitStatus> {
  const cells = await loadCells(file, options.set, { isTrusted: options.trust ?? false });
  const isMatrix = cells.length > 1;
  const { loaded } = cells[0] as Cell;
  const baseline = options.baseline === undefined ? [] : await readRecordsAt(options.baseline);
  const repeat = readNumberOfRuns('--repeat', options.repeat ?? '1', 1, MOST_REPEATS);
  if ((repeat > 1 || isMatrix) && options.json && !options.dryRun) {
    const what = isMatrix ? 'the matrix' : '--repeat';
    throw new InputError(`--json prints one record, and ${what} makes several; read them in --out`);
  }
  const folder = options.out ?? defaultRecordFolder(loaded.scenario.name);
  if (options.dryRun) {
    const agents = agentsFor(options, options.agents, scenariosOf(cells));
    return dryRun(cells, {
      folder,
      isReplacing: options.force ?? false,
      baseline: baseline.map(({ record }) => record),
      json: options.json ?? false,
      repeat,
      ...(agents && { agents }),
    });
  }
  if (repeat > 1 || isMatrix) await demandNoRecords(folder);
  const agents = agentsFor(options, options.agents, scenariosOf(cells));
  const each = {
    ...(agents && { agents }),
    isReplacing: options.force ?? false,
    baseline: baseline.map(({ record }) => record),
  };
  const page = await openPage(options, options.json ? process.stderr : process.stdout);
  const telemetry = await openTelemetry(options, (words) => process.stderr.write(`${words}\n`)).catch(
    async (error) => {
      await page?.close();
      throw error;
    },
  );
  const show = new RecordedRuns(options, { telemetry, page });
  try {
    if (isMatrix) await runMatrix(show, loaded.scenario.name, cells, folder, repeat, each);
    else await runRepeatedly(show, loaded, folder, repeat, each);
    const wanted = repeat * cells.length;
    return show.isInterrupted && show.records.length < wanted ? ExitStatus.Interrupted : show.status;
  } finally {
    await page?.close();
    show.release();
    await telemetry.close();
    if (page?.fault) process.stderr.write(`the live page failed: ${page.fault.stack}\n`);
  }
}

function scenariosOf(cells: readonly Cell[]): Scenario[] {
  return cells.map(({ loaded: { scenario } }) => scenario);
}

async function runRepeatedly(
  show: RecordedRuns,
  loaded: LoadedScenario,
  folder: string,
  repeat: number,
  options: { isReplacing: boolean; baseline: RunRecord[]; agents?: NatsOptions },
): Promise<void> {
  try {
    for (let number = 1; number <= repeat && !show.isInterrupted; number += 1) {
      const one = repeat === 1 ? folder : join(folder, numbered(number));
      const which =
        repeat > 1
          ? { words: `run ${number} of ${repeat}`, place: { group: {}, about: { number: `${number}` } } }
          : {};
      await show.run(loaded, one, { ...options, ...which });
    }
  } finally {
    const whole = show.records.filter(({ verdict }) => verdict !== 'partial');
    if (repeat > 1 && whole.length > 0) process.stdout.write(spreadForTerminal(whole));
  }
}
