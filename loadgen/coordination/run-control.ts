import { z } from 'zod';
import { RunError } from '../run-error.js';
import { parseJson } from './parse-json.js';

/** For whoever wants to change a run that goes on. */
export interface RunAnnouncement {
  run: string;
  name: string;
  coordinator: string;
  startedAt: string;
  phase: string | null;
}

/** `by`: who asks, as they say; the record tells it. */
export type RunRequest =
  | { kind: 'rate'; perSecond: number; by: string }
  | { kind: 'stop'; by: string; why: string | null };
export type RunAnswer = { kind: 'done'; words: string } | { kind: 'refused'; why: string };

/** What may be asked of a run that goes on, whatever carries the question. */
export interface RunControl {
  announce(): RunAnnouncement;
  /**
   * Messages fall due at this rate from a moment from now until the phase ends.
   * @returns what was done, in words
   * @throws RunError why it was not
   */
  rate(perSecond: number, by: string): string;
  /** Ends the run in good order, and resolves nothing: that takes seconds. @returns what happens now, in words */
  stop(by: string, why: string | null): string;
}

/** A run that goes on, found by somebody who wants to change it. */
export interface LiveRun {
  announcement: RunAnnouncement;
  /** @throws RunError where it does not answer */
  ask(request: RunRequest): Promise<RunAnswer>;
}

/** More than a hundred generators do; an agent that was told more would do nothing but fall behind. */
export const MOST_PER_SECOND = 10_000_000;

/** Of a name, or a reason, that somebody gives. */
export const LONGEST_WORDS = 200;

const words = z.string().min(1).max(LONGEST_WORDS);

/** What is not known here is refused: whoever asks for it takes this run for one of another version. */
const requestSchema: z.ZodType<RunRequest> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('rate'), perSecond: z.number().min(0).max(MOST_PER_SECOND), by: words }),
  z.strictObject({ kind: z.literal('stop'), by: words, why: words.nullable() }),
]);

const answerSchema: z.ZodType<RunAnswer> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), words: z.string() }),
  z.object({ kind: z.literal('refused'), why: z.string() }),
]);

const announcementSchema: z.ZodType<RunAnnouncement> = z.object({
  run: z.string().regex(/^[A-Za-z0-9_-]+$/),
  name: z.string(),
  coordinator: z.string(),
  startedAt: z.string(),
  phase: z.string().nullable(),
});

/** Does what a text asks for. Never throws: whatever somebody sends, the run goes on. */
export function answerRequest(control: RunControl, text: string): RunAnswer {
  const request = requestSchema.safeParse(parseJson(text));
  if (!request.success) return { kind: 'refused', why: 'this run does not know what it was asked for' };
  try {
    return { kind: 'done', words: obey(control, request.data) };
  } catch (error) {
    return { kind: 'refused', why: (error as Error).message };
  }
}

function obey(control: RunControl, request: RunRequest): string {
  switch (request.kind) {
    case 'rate':
      return control.rate(request.perSecond, request.by);
    case 'stop':
      return control.stop(request.by, request.why);
  }
}

/** Undefined: whatever that is, it is no run of ours. */
export function readAnnouncement(text: string): RunAnnouncement | undefined {
  return announcementSchema.safeParse(parseJson(text)).data;
}

/** @throws RunError for what is no answer */
export function readAnswer(text: string): RunAnswer {
  const answer = answerSchema.safeParse(parseJson(text));
  if (answer.success) return answer.data;
  throw new RunError('C2M_RUN', 'the run gave an answer that is none; is it of another version of c2m?');
}
