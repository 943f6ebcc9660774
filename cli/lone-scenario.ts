import { InputError } from '../record/input-error.js';
import type { LoadedScenario, LoadOptions } from '../scenarios/load.js';
import { type Cell, loadCells } from '../scenarios/matrix.js';

/**
 * A scenario for a command that makes something of one alone; of a matrix with a single combination, that one.
 * @param what the command makes, for the error
 * @throws InputError for a file that stands for several: which of them would be meant?
 */
export async function loadLoneScenario(
  file: string,
  overrides: readonly string[],
  options: LoadOptions,
  what: string,
): Promise<LoadedScenario> {
  const cells = await loadCells(file, overrides, options);
  const [{ loaded }] = cells as [Cell];
  if (cells.length === 1) return loaded;
  throw new InputError(
    `${file}: its matrix stands for ${cells.length} scenarios, and ${what} is of one; write a scenario of one of them: ` +
      `extends: ${file}, matrix: null, and its values`,
  );
}
