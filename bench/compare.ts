import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import chalk from 'chalk';
import { ab } from '../lab/ab.js';
import { endChildrenAtAbruptEnd, removeAtAbruptEnd } from '../lab/abrupt-end.js';
import { runScenario } from '../lab/run-scenario.js';
import type { SetComparison } from '../record/comparison/compare-sets.js';
import type { RunRecord } from '../record/run.js';
import { conclusion } from '../reports/comparison-text.js';
import { type LoadedScenario, loadScenario } from '../scenarios/load.js';
import { SHIPPED_HANDLERS } from '../server/hot-code/handler-files.js';

/**
 * How often a comparison is wrong on this machine: unchanged code against itself, and against a server that spends a share of CPU more on
 * every message. `npm run bench:compare -- [SCENARIO...] [--comparisons N] [--runs N] [--slower 20] [--set path=value]
 * [--only unchanged|slower]`. Ends with 1 where more than 1 of 20 called unchanged code worse, or fewer than 19 of 20 found the slower
 * server. About two hours for ci-smoke and four for quickstart; three or four may run side by side on two cores, each with its part.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    comparisons: { type: 'string', default: '20' },
    runs: { type: 'string', default: '5' },
    slower: { type: 'string', default: '20' },
    set: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', default: '' },
  },
});
const comparisons = Number(values.comparisons);
const runs = Number(values.runs);
const slower = Number(values.slower) / 100;
const MOST_FALSE_ALARMS = 1 / 20;
const LEAST_FOUND = 19 / 20;
/** From it the CPU that a message costs is taken. */
const WARM_UPS = 2;

const folder = mkdtempSync(join(tmpdir(), 'c2m-compare-'));
removeAtAbruptEnd(folder);
endChildrenAtAbruptEnd();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

let holds = true;
for (const name of positionals.length > 0 ? positionals : ['ci-smoke', 'quickstart']) {
  // How fast the machine is decides nothing here.
  const set = [...values.set, 'gates=["messages.lost == 0"]', 'generator.lagLimit=10s'];
  const same = await loadScenario(name, set, { isTrusted: true });
  const cpuMicroseconds = await cpuOfAMessage(same);
  const handlers = slowHandlers(slower * cpuMicroseconds);
  const slowed = await loadScenario(name, [...set, `target.embedded.settings.handlers=${handlers}`], {
    isTrusted: true,
  });
  console.log(
    chalk.bold(
      `\n${name}: a message costs the server ${cpuMicroseconds.toFixed(0)} µs of CPU; ${runs} runs with ${runs}`,
    ),
  );
  if (values.only !== 'slower') {
    const alarms = await count(name, 'unchanged', same, same);
    console.log(`  ${alarms} of ${comparisons} called unchanged code worse`);
    if (alarms > comparisons * MOST_FALSE_ALARMS) holds = false;
  }
  if (values.only !== 'unchanged') {
    const found = await count(name, `${slower * 100} % slower`, same, slowed);
    console.log(`  ${found} of ${comparisons} found the slower server`);
    if (found < comparisons * LEAST_FOUND) holds = false;
  }
}
console.log(holds ? chalk.green.bold('\nheld') : chalk.red.bold('\nnot held'));
rmSync(folder, { recursive: true, force: true });
process.exit(holds ? 0 : 1);

/** @returns how many of the comparisons said that the second one is worse */
async function count(
  name: string,
  what: string,
  base: LoadedScenario,
  current: LoadedScenario,
): Promise<number> {
  let worse = 0;
  for (let comparison = 1; comparison <= comparisons; comparison += 1) {
    const into = join(folder, `${name}-${what.replace(/\W+/g, '-')}-${comparison}`);
    const { comparison: judged, failure } = await ab({
      variants: { base, current },
      names: { base: 'unchanged', current: what },
      runs,
      folder: into,
    });
    rmSync(into, { recursive: true, force: true });
    if (failure || !judged) throw failure ?? new Error('no pair of runs could be made');
    if (judged.outcome === 'worse') worse += 1;
    console.log(`  ${what} ${comparison}: ${judged.outcome}, ${wordsOf(judged)}`);
  }
  return worse;
}

function wordsOf(comparison: SetComparison): string {
  const { base, current, faults } = comparison;
  return [
    `${base.runs.length} with ${current.runs.length}.`,
    conclusion(comparison),
    ...faults,
    `CPU a message: ${cpuOf(base.runs)} -> ${cpuOf(current.runs)} µs`,
  ].join(' ');
}

function cpuOf(runs: readonly RunRecord[]): string {
  return runs.map(({ cpu }) => Math.round(cpu?.serverUsPerMessage ?? Number.NaN)).join(', ');
}

async function cpuOfAMessage(scenario: LoadedScenario): Promise<number> {
  let last: RunRecord | undefined;
  for (let run = 1; run <= WARM_UPS; run += 1) {
    const { record, failure } = await runScenario(scenario, {
      folder: join(folder, `warm-up-${name(scenario)}-${run}`),
    });
    if (failure) throw failure;
    last = record;
  }
  const microseconds = last?.cpu?.serverUsPerMessage;
  if (typeof microseconds !== 'number') throw new Error('the server does not tell what CPU it uses');
  return microseconds;
}

function name({ scenario }: LoadedScenario): string {
  return scenario.name;
}

/** Handlers that spend so much more on each message than those that ship. */
function slowHandlers(microseconds: number): string {
  const file = join(folder, `slow-${Math.round(microseconds)}.mjs`);
  writeFileSync(
    file,
    `import makeHandlers from ${JSON.stringify(pathToFileURL(SHIPPED_HANDLERS).href)};
export default function (tools) {
  const handlers = makeHandlers(tools);
  const { Send, GroupSend } = tools.FrameType;
  return {
    ...handlers,
    version: 'slow',
    onFrame(client, frame) {
      if (frame.type === Send || frame.type === GroupSend) {
        const end = performance.now() + ${microseconds / 1000};
        while (performance.now() < end);
      }
      handlers.onFrame(client, frame);
    },
  };
}
`,
  );
  return file;
}
