import type { FastifyInstance } from 'fastify';
import { parseQuantity } from '../record/quantity.js';

/** What the page may ask of a run. */
export interface AskedRun {
  /** @returns what was done, in words @throws Error why it was not */
  rate(perSecond: number, by: string): string;
  stop(by: string, why: string | null): string;
}

/** The run has a limit of its own for both. */
const LONGEST_WORDS = 200;
const MOST_PER_SECOND = 10_000_000;

/** Lets the page ask the run of now. @param by who asks, for the record */
export function addRunActions(
  app: FastifyInstance,
  place: string,
  runNow: () => AskedRun | undefined,
  by: string,
): void {
  app.post(`${place}rate`, async ({ body }) =>
    answer(runNow(), (run) => {
      const perSecond = parseQuantity('rate', wordsOf(body, 'rate'));
      if (perSecond > MOST_PER_SECOND)
        throw new Error(`that is more than a run can have; write ${MOST_PER_SECOND}/s or less`);
      return run.rate(perSecond, by);
    }),
  );
  app.post(`${place}stop`, async ({ body }) =>
    answer(runNow(), (run) => {
      const why = wordsOf(body, 'why');
      return run.stop(by, why === '' ? null : why.slice(0, LONGEST_WORDS));
    }),
  );
}

/** What somebody asks for wrongly is told, and no fault. */
function answer(
  run: AskedRun | undefined,
  act: (run: AskedRun) => string,
): { isDone: boolean; words: string } {
  if (!run) return { isDone: false, words: 'no run is under way that could be asked' };
  try {
    return { isDone: true, words: act(run) };
  } catch (error) {
    return { isDone: false, words: (error as Error).message };
  }
}

function wordsOf(body: unknown, name: string): string {
  const value = (body as Record<string, unknown> | null)?.[name];
  return typeof value === 'string' ? value.trim() : '';
}
