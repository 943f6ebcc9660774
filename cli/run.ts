import { Command } from 'commander';
import { RunError } from '../loadgen/run-error.js';
import type { Measurement } from '../record/run.js';
import { judge } from '../record/verdict.js';
import { terminalSummary } from '../reports/terminal.js';
import { writeRecord } from '../reports/write.js';
import { type LoadedScenario, loadScenario } from '../scenarios/load.js';
import { endChildrenAtAbruptEnd } from './abrupt-end.js';
import { ExitStatus, type Finish, statusOfVerdict } from './exit-status.js';
import { listenForInterrupts } from './interrupts.js';
import { type LiveView, liveView, noView } from './live-view.js';
import { measure } from './measure.js';
import { defaultRecordFolder, discardRecordFolder, prepareRecordFolder } from './record-folder.js';
import { collect } from './repeatable-option.js';
import { planTarget } from './target.js';
import { withoutToken } from './token.js';

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
  const { scenario } = loaded;
  // Whatever can be wrong with the input is found before anything is started or written.
  const target = await planTarget(scenario);
  const folder = options.out ?? defaultRecordFolder(scenario.name);
  await prepareRecordFolder(folder, options.force ?? false);

  const interrupts = listenForInterrupts({ hangup: true });
  const children = endChildrenAtAbruptEnd();
  const view = viewFor(loaded, options);
  try {
    interrupts.onRequest(() => view.interrupted());
    const { measurement, error } = await attempt(() => measure(loaded, target, folder, view, interrupts));
    view.end();
    if (!measurement) {
      await discardRecordFolder(folder);
      if (interrupts.isRequested) return ExitStatus.Interrupted;
      throw error;
    }
    const record = judge(withoutToken(measurement), scenario.gates);
    const text = await writeRecord(folder, record);
    process.stdout.write(options.json ? text : terminalSummary(record, folder));
    if (error) throw error;
    // A run that ended early by itself, because a process died, was not interrupted.
    if (record.verdict === 'partial' && !interrupts.isRequested) return ExitStatus.Incomplete;
    return statusOfVerdict(record.verdict);
  } finally {
    view.end();
    children.release();
    interrupts.release();
  }
}

/** What was measured, and why the run could not be completed if it could not; there may be both. */
async function attempt(
  measuring: () => Promise<Measurement | undefined>,
): Promise<{ measurement: Measurement | undefined; error: unknown }> {
  try {
    return { measurement: await measuring(), error: undefined };
  } catch (error) {
    return { measurement: error instanceof RunError ? error.measurement : undefined, error };
  }
}

function viewFor({ scenario }: LoadedScenario, { json, quiet }: RunOptions): LiveView {
  if (quiet) return noView;
  if (!json) return liveView(scenario, process.stdout);
  return process.stderr.isTTY ? liveView(scenario, process.stderr) : noView;
}
