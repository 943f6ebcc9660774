import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type RunObservers, runScenario } from '../../lab/run-scenario.js';
import { type RunRecord, runRecordSchema } from '../../record/run.js';
import { loadScenario } from '../../scenarios/load.js';
import { testFolder } from './folder.js';

/** Runs a scenario with this target; the folder is that of the record. */
export async function runAgainstTarget(
  target: object,
  more = '',
  observers: RunObservers = {},
  phases = '[{ name: talk, duration: 2s, rate: 200/s }]',
): Promise<{ record: RunRecord; folder: string }> {
  const folder = testFolder();
  const file = join(folder, 'mine.yaml');
  // How late the generator is on a machine that has other things to do decides nothing here.
  const patience = more.includes('generator:') ? '' : 'generator: { lagLimit: 1m }';
  await writeFile(
    file,
    `name: mine
target: ${JSON.stringify(target)}
clients: { count: 100, connectRate: 500/s, reconnectRate: 1000/s }
messages: { arrival: constant }
phases: ${phases}
${patience}
${more}
`,
  );
  const { record, failure } = await runScenario(
    await loadScenario(file, [], { isTrusted: true }),
    // What the server itself counts is compared with the ledger, which knows nothing of it.
    { folder, skipsFirstContact: true },
    observers,
  );
  expect(failure).toBeUndefined();
  expect(runRecordSchema.safeParse(record).error).toBeUndefined();
  return { record: record as RunRecord, folder };
}
