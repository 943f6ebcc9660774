import type { DriverPlan } from '../../agent-messages.js';
import { RunError } from '../../run-error.js';
import { type UserPlace, userPlaceIn } from './user-frames.js';

const MOST_CHARACTERS = 300;

/** What JavaScript throws where code is wrong; what a driver throws on purpose is another class, as a rule. */
const MISTAKES = /^(Type|Reference|Range|Syntax|URI|Eval)Error$/;

/** Whether an error says that code is wrong, and not that a server did something. */
export function isMistake(error: unknown): boolean {
  return error instanceof Error && MISTAKES.test(error.name);
}

/** `TypeError: x is not a function`, on one line. */
export function thrownWords(error: unknown): string {
  if (!(error instanceof Error)) return `${shortly(String(error))}, thrown without an Error around it`;
  return shortly(error.name === 'Error' ? error.message : `${error.name}: ${error.message}`);
}

/** `/chat/my-driver.js:12:5 parse(), called by received()`; undefined: the stack names nothing of the driver in `file`. */
export function placeOf(error: unknown, file: string): string | undefined {
  const place = error instanceof Error ? userPlaceIn(error.stack, file) : undefined;
  return place && placeWords(place);
}

function placeWords({ at, name, calledBy }: UserPlace): string {
  const by = calledBy === '' ? '' : `called by ${calledBy}`;
  return [at, [name, by].filter(Boolean).join(', ')].filter(Boolean).join(' ');
}

/**
 * What somebody needs to find the fault in their own driver: where it is, and what it is, without a stack of ours. An error of
 * ours says itself what to do.
 * @param file of the driver
 */
export function faultWords(error: unknown, file: string): string {
  if (error instanceof RunError) return error.message;
  const place = placeOf(error, file);
  return place !== undefined
    ? `target.driver: ${place}: ${thrownWords(error)}`
    : `target.driver: ${thrownWords(error)} (its stack names no line of ${file})`;
}

/** The file of a driver of somebody's own; undefined: this one ships with the lab. */
export function ownFileOf({ name, settings }: DriverPlan): string | undefined {
  return name === 'own' ? (settings as { file: string }).file : undefined;
}

/**
 * Errors that a driver of somebody's own throws where nobody of ours has called it, in a promise or a timer, or has called it
 * from a turn of its own: they would end this process.
 * @returns `fault`, which rejects with the first of them as a RunError, until `release` is called
 */
export function watchForFaults(file: string | undefined): { fault: Promise<never>; release(): void } {
  let tell: (error: unknown) => void = () => undefined;
  const fault = new Promise<never>((_, reject) => {
    tell = (error) => reject(new RunError('C2M_RUN', faultWords(error, file ?? '')));
  });
  // Whoever does not wait for it any more has no use for it.
  fault.catch(() => undefined);
  if (file !== undefined) process.on('uncaughtException', tell);
  return { fault, release: () => process.off('uncaughtException', tell) };
}

function shortly(text: string): string {
  const line = text.split(/[\r\n]/, 1)[0] ?? '';
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line;
}
