import type { Command } from 'commander';
import type { RunObservers } from '../lab/run-scenario.js';
import type { LivePlan } from '../reports/live/live-plan.js';
import { type LoadedScenario, secretsOfLoaded } from '../scenarios/load.js';
import { hideInText } from '../scenarios/secrets.js';
import type { LivePageServer, ShownRun } from '../ui/live-page-server.js';
import { openInBrowser } from './open-in-browser.js';
import { readPort } from './port-option.js';
import { asker } from './runs-under-way.js';

/** What may be asked for a page of runs that go on. */
export interface PageFlags {
  /** A port; 0: one that is free. */
  ui?: string;
  open?: true;
}

/** Adds the options; `openPage` takes them. */
export function pageOptions(command: Command): Command {
  return command
    .option(
      '--ui [port]',
      'show the report as a page while the run goes on, on this machine and for its user alone; --ui=8800 names the port',
    )
    .option('--open', 'the same, and open a browser there');
}

/**
 * Serves the page, and says where, before anything else is started.
 * @returns undefined: nobody wants one
 * @throws InputError
 */
export async function openPage(
  { ui, open }: PageFlags,
  out: NodeJS.WriteStream,
): Promise<LivePageServer | undefined> {
  if (ui === undefined && !open) return undefined;
  const port = readPort('--ui', ui ?? '0');
  // A web server takes a while to load, and most runs have none.
  const { serveLivePage } = await import('../ui/live-page-server.js');
  const page = await serveLivePage(port, asker());
  out.write(`Live page  ${page.address}\n`);
  if (open) await openInBrowser(page.address);
  return page;
}

/** A run as its page announces it, and as its report will: without secrets. */
export function livePlanOf(loaded: LoadedScenario, folder: string, words?: string): LivePlan {
  const { scenario } = loaded;
  return {
    folder,
    scenario: scenario.name,
    description: hideInText(scenario.description, secretsOfLoaded(loaded)),
    clients: scenario.clients.count,
    phases: scenario.phases.map(({ name, durationMs }) => ({ name, seconds: durationMs / 1000 })),
    words: words?.trim() ?? null,
  };
}

/** What the page wants to know of a run. */
export function observersOf(shown: ShownRun): RunObservers {
  return {
    control: (control) =>
      shown.control({
        rate: (perSecond, by) => control.rate(perSecond, by),
        stop: (by, why) => control.stop(by, why, 'on its page'),
      }),
    record: (record) => shown.record(record),
    phase: (phase) => shown.phase(phase),
    sample: (sample) => shown.sample(sample),
    agents: (agents) => shown.agents(agents),
  };
}
