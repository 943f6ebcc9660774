import type { Command } from 'commander';
import { findCapacity } from '../lab/capacity/find-capacity.js';
import { defaultRecordFolder, demandNoRecords } from '../lab/record-folder.js';
import { capacityForTerminal } from '../reports/capacity/capacity-text.js';
import { writeCapacity } from '../reports/write-capacity.js';
import { agentsFor } from './agents-option.js';
import { type CapacityFlags, capacityCommandLine, readCapacityFlags } from './capacity-flags.js';
import { capacityProgress, statusOfCapacity, tellOfFewSizes } from './capacity-progress.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { loadLoneScenario } from './lone-scenario.js';
import { RecordedRuns } from './recorded-runs.js';
import { canBeRedrawn } from './redrawn-screen.js';
import { openTelemetry } from './telemetry.js';

export function capacityCommand(finish: Finish): Command {
  return capacityCommandLine().action(async (file: string, flags: CapacityFlags) => {
    finish(await run(file, flags));
  });
}

async function run(file: string, flags: CapacityFlags): Promise<ExitStatus> {
  const { set = [], trust = false, json, quiet } = flags;
  const options = readCapacityFlags(flags);
  const load = (more: readonly string[]) =>
    loadLoneScenario(file, [...set, ...more], { isTrusted: trust }, 'a search');
  const { scenario } = await load([]);
  const agents = agentsFor(flags, flags.agents, [scenario]);
  const folder = flags.out ?? `${defaultRecordFolder(scenario.name)}-capacity`;
  await demandNoRecords(folder);
  tellOfFewSizes(options.sizes);
  // A pipe is told of each trial, and not of each second of it.
  const isSilent = quiet ?? (json || canBeRedrawn(process.stdout) ? undefined : true);
  const telemetry = await openTelemetry(flags, (words) => process.stderr.write(`${words}\n`));
  const show = new RecordedRuns(
    { ...(json && { json }), ...(isSilent && { quiet: isSilent }) },
    { telemetry },
  );
  try {
    const { signal } = show.interrupts;
    const { capacity, failure } = await findCapacity(
      { ...options, load, folder, signal, ...(agents && { agents }) },
      capacityProgress(options.find, show, flags),
    );
    show.endView();
    const isMeasured = capacity.searches.some(({ trials }) => trials.some((trial) => trial.folder !== null));
    if (isMeasured) {
      const written = await writeCapacity(folder, capacity);
      process.stdout.write(json ? written.text : capacityForTerminal(written.capacity, folder));
    }
    if (failure) throw failure;
    return show.isInterrupted ? ExitStatus.Interrupted : statusOfCapacity(capacity);
  } finally {
    show.release();
    await telemetry.close();
  }
}
