import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { CommandLineError, splitCommandLine } from './command-words.js';
import type { Finding } from './finding.js';
import { mapOf, rawTarget } from './raw-scenario.js';

/** Where the system looks if nobody says where. */
const USUAL_PATH = '/usr/bin:/bin';

/**
 * A program that `target.command` names and that is not there.
 * @param folder of the scenario
 * @param refused what may not be used anyway, and a folder to run in that is not there
 */
export function missingProgram(content: unknown, folder: string, refused: readonly Finding[]): Finding[] {
  const { command } = rawTarget(content).keys;
  if (command === undefined || refused.some(({ path }) => path[1] === 'command')) return [];
  const { run = command, cwd = '.', env } = mapOf(command);
  const program = firstWord(run);
  if (!program || typeof cwd !== 'string') return [];
  const { PATH = process.env.PATH } = mapOf(env);
  const problem = programProblem(program, resolve(folder, cwd), String(PATH ?? USUAL_PATH));
  if (problem === undefined) return [];
  const path = ['target', 'command', ...(run === command ? [] : ['run'])];
  return [{ path, message: `${problem}; correct target.command.run` }];
}

/** Why a program cannot be run; undefined: it is there. As the system looks for it, from the folder that it is to run in. */
export function programProblem(program: string, cwd: string, path = USUAL_PATH): string | undefined {
  const isNamed = program.includes('/');
  const files = isNamed
    ? [resolve(cwd, program)]
    : path.split(delimiter).map((each) => resolve(cwd, each, program));
  const there = files.filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
  if (there.some(isExecutable)) return undefined;
  const [file] = there;
  if (file !== undefined) return `${file} may not be run; make it executable (chmod +x)`;
  return `there is no program ${isNamed ? files[0] : `${program} (looked in PATH)`}`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** What is no command is told as that. */
function firstWord(run: unknown): string | undefined {
  if (Array.isArray(run)) return String(run[0] ?? '');
  if (typeof run !== 'string') return undefined;
  try {
    return splitCommandLine(run)[0];
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    return undefined;
  }
}
