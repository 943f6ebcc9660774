import { InputError } from '../record/input-error.js';

/** What an option says of how many runs. @throws InputError naming the option */
export function readNumberOfRuns(option: string, text: string, fewest: number, most: number): number {
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= fewest && runs <= most) return runs;
  throw new InputError(`${option}: "${text}" is not a number of runs; write ${fewest} to ${most}`);
}
