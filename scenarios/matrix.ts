import { composeScenario } from './compose.js';
import { type LoadedScenario, type LoadOptions, loadScenario, secretsOfLoaded } from './load.js';
import { type Matrix, matrixSchema } from './matrix-schema.js';
import { mapOf } from './raw-scenario.js';
import { ScenarioError } from './scenario-error.js';
import { locateScenario } from './shipped.js';

/** One combination of a matrix: a scenario of its own. */
export interface Cell {
  /** Of its values, one an axis: `mosquitto, 10000`. */
  name: string;
  /** Of that name, for its records. */
  folder: string;
  loaded: LoadedScenario;
}

/** Past it nobody reads the table. */
const MOST_CELLS = 64;

/**
 * The scenarios that a file with a `matrix` stands for, in the order of its axes, the last axis fastest.
 * @param overrides of every cell; they have the last word
 * @returns one cell without a name where the file has no matrix
 * @throws ScenarioError with everything that is wrong in a cell, its name in front
 */
export async function loadCells(
  file: string,
  overrides: readonly string[] = [],
  options: LoadOptions = {},
): Promise<Cell[]> {
  // What is wrong with the file itself is told there.
  const base = await loadScenario(file, overrides, options);
  const { content } = await composeScenario(await locateScenario(file));
  const { matrix } = mapOf(content);
  if (matrix === undefined) return [{ name: '', folder: '', loaded: base }];
  const combinations = combine(matrixSchema.parse(matrix));
  if (combinations.length > MOST_CELLS) {
    throw new ScenarioError([
      {
        place: base.source.file,
        path: 'matrix',
        message: `makes ${combinations.length} combinations; ${MOST_CELLS} are the most`,
      },
    ]);
  }
  const folders = combinations.map(({ name }) => name.replaceAll(/[^\w.+-]+/g, '-'));
  const double = folders.findIndex((folder, index) => folders.indexOf(folder) !== index);
  if (double >= 0) {
    const message = `has two combinations of one name, ${folders[double]}; give them other names`;
    throw new ScenarioError([{ place: base.source.file, path: 'matrix', message }]);
  }
  // One after the other: of several that are wrong the first is told, every time.
  const cells: Cell[] = [];
  for (const [index, { name, values }] of combinations.entries()) {
    const loaded = await inCell(name, () => loadScenario(file, [...values, ...overrides], options));
    if (secretsOfLoaded(loaded).some((secret) => name.includes(secret))) {
      const message = `has a combination that is called by a secret, and names are told; give its values names of their own, such as {users: {first: {target.token: …}}}`;
      throw new ScenarioError([{ place: base.source.file, path: 'matrix', message }]);
    }
    cells.push({ name, folder: folders[index] as string, loaded });
  }
  return cells;
}

/** Every value of an axis with every value of the others, as overrides. */
function combine(matrix: Matrix): { name: string; values: string[] }[] {
  return matrix.reduce<{ name: string; values: string[] }[]>(
    (before, axis) =>
      before.flatMap(({ name, values }) =>
        axis.map((value) => ({
          name: name === '' ? value.name : `${name}, ${value.name}`,
          values: [
            ...values,
            ...Object.entries(value.set).map(([path, set]) => `${path}=${asOverride(set)}`),
          ],
        })),
      ),
    [{ name: '', values: [] }],
  );
}

/** Its variables are filled in already: what looks like one now is text that stays. */
function asOverride(value: unknown): string {
  return JSON.stringify(value).replaceAll('${', () => '$${');
}

async function inCell(name: string, load: () => Promise<LoadedScenario>): Promise<LoadedScenario> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    throw new ScenarioError(
      error.issues.map(({ message, ...issue }) => ({ ...issue, message: `${message} (matrix: ${name})` })),
    );
  }
}
