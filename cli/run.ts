import { Command } from 'commander';
import { endChildrenAtAbruptEnd } from '../lab/abrupt-end.js';
import { defaultRecordFolder } from '../lab/record-folder.js';
import { runScenario } from '../lab/run-scenario.js';
import { writeRecord } from '../reports/write.js';
import { type LoadedScenario, loadScenario } from '../scenarios/load.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { listenForInterrupts } from './interrupts.js';
import { type LiveView, liveView, noView } from './live-view.js';
import { collect } from './repeatable-option.js';
import { printRun, statusOfRun } from './run-outcome.js';

interface RunOptions {
  set?: string[];
  out?: string;
  force?: true;
  json?: true;
  quiet?: true;
  trust?: true;
}

export function runCommand(finish: Finish): Command {
  return new Command('run')
    .summary('run a scenario and write its record and report')
    .description(
      'Runs a scenario: starts the server if the scenario embeds one, simulates the clients, and writes a run record.',
    )
    .argument('<scenario>', 'a YAML file, or the name of a shipped scenario (see `c2m scenarios`)')
    .option('--set <path=value>', 'override a value of the scenario; may be repeated', collect)
    .option('--out <dir>', 'folder for the record (default: runs/<time>-<name>)')
    .option('--force', 'replace a record that --out holds already')
    .option(
      '--trust',
      'let the scenario run handlers of its own, have the server read files, and listen beyond this machine',
    )
    .option('--json', 'print run.json at the end and nothing else')
    .option('--quiet', 'show no progress')
    .addHelpText(
      'after',
      `
Examples:
  c2m run quickstart
  c2m run scenarios/chat.yaml --set clients.count=50000 --set phases.lunch.rate=3000/s
  c2m run my.yaml --set target=tcp://127.0.0.1:4000 --out runs/mine --json > result.json
`,
    )
    .action(async (file: string, options: RunOptions) => {
      finish(await run(file, options));
    });
}

async function run(file: string, options: RunOptions): Promise<ExitStatus> {
  const loaded = await loadScenario(file, options.set, { isTrusted: options.trust ?? false });
  const folder = options.out ?? defaultRecordFolder(loaded.scenario.name);
  const interrupts = listenForInterrupts({ hangup: true });
  const children = endChildrenAtAbruptEnd();
  let view = noView;
  let status: ExitStatus = ExitStatus.Interrupted;
  try {
    interrupts.onRequest(() => view.interrupted());
    const { record, failure } = await runScenario(
      loaded,
      { folder, isReplacing: options.force ?? false, signal: interrupts.signal },
      {
        // What is wrong with the input is told on a screen without a view.
        begun: () => {
          view = viewFor(loaded, options);
        },
        phase: (phase) => view.phase(phase),
        sample: (sample) => view.sample(sample),
      },
    );
    view.end();
    if (record) {
      const { text, run } = await writeRecord(folder, record);
      printRun(run, folder, options.json ? text : undefined);
      status = statusOfRun(run);
    }
    if (failure) throw failure;
    if (!record) return ExitStatus.Interrupted;
    // A run that ended early by itself, because a process died, was not interrupted.
    if (record.verdict === 'partial' && !interrupts.isRequested) return ExitStatus.Incomplete;
    return status;
  } finally {
    view.end();
    children.release();
    interrupts.release();
  }
}

function viewFor({ scenario }: LoadedScenario, { json, quiet }: RunOptions): LiveView {
  if (quiet) return noView;
  if (!json) return liveView(scenario, process.stdout);
  return process.stderr.isTTY ? liveView(scenario, process.stderr) : noView;
}
