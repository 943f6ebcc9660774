import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { numbered } from '../lab/ab.js';
import { checkScenario } from '../lab/agents.js';
import type { NatsOptions } from '../nats/connect.js';
import { RECORD_FILES } from '../record/folder.js';
import type { RunRecord } from '../record/run.js';
import type { Column } from '../record/side-by-side.js';
import { sideBySidePage } from '../reports/html/side-by-side-page.js';
import { sideBySideAsMarkdown, sideBySideForTerminal } from '../reports/side-by-side-text.js';
import type { Cell } from '../scenarios/matrix.js';
import type { RecordedRuns } from './recorded-runs.js';

/** Beside the folders of the cells. */
const PAGE = 'side-by-side.html';
const TABLE = 'side-by-side.md';

/**
 * Runs every cell of a matrix `repeat` times, forwards and backwards by turns, so that a machine that becomes slower
 * favours none; then lays them side by side. A cell that cannot be run is told, and the others go on.
 */
export async function runMatrix(
  show: RecordedRuns,
  title: string,
  cells: readonly Cell[],
  folder: string,
  repeat: number,
  options: { isReplacing: boolean; baseline: RunRecord[]; agents?: NatsOptions },
): Promise<void> {
  // What is wrong with the last of them is told before the first is run.
  for (const { loaded } of cells) await checkScenario(loaded.scenario, options.agents);
  const columns = cells.map(({ name }) => ({
    name,
    runs: [] as RunRecord[],
    reports: [] as string[],
  })) satisfies Column[];
  const failures: unknown[] = [];
  const order = cells.map((_, index) => index);
  for (let round = 1; round <= repeat && !show.isInterrupted; round += 1) {
    for (const index of round % 2 === 1 ? order : [...order].reverse()) {
      if (show.isInterrupted) break;
      const { name, folder: own, loaded } = cells[index] as Cell;
      const words = repeat === 1 ? `\n${name}` : `\n${name}: run ${round} of ${repeat}`;
      const before = show.records.length;
      const records = join(own, numbered(round));
      try {
        await show.run(loaded, join(folder, records), {
          ...options,
          words,
          place: { group: { combination: name }, about: { number: `${round}` } },
        });
      } catch (error) {
        failures.push(error);
        process.stderr.write(`${name}: ${(error as Error).message}\n`);
      }
      const made = show.records.slice(before);
      columns[index]?.runs.push(...made);
      columns[index]?.reports.push(...made.map(() => join(records, RECORD_FILES.html)));
    }
  }
  const measured = columns.filter(({ runs }) => runs.length > 0);
  if (measured.length > 0) {
    await writeFile(join(folder, PAGE), sideBySidePage(title, measured));
    await writeFile(join(folder, TABLE), sideBySideAsMarkdown(measured));
    process.stdout.write(sideBySideForTerminal(measured));
    process.stdout.write(`  Side by side  ${join(folder, PAGE)}\n\n`);
  }
  // Told already; the exit status is that of the first.
  if (failures.length > 0) throw failures[0];
}
