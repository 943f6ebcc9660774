import { z } from 'zod';
import { matcherSchema } from './websocket-matcher-schema.js';
import type { LoginEntry } from './websocket-settings.js';
import { templateProblem } from './websocket-template.js';

/** Of a login; a client remembers at which it is in one byte. */
const MOST_ENTRIES = 100;

const awaitSchema = z.strictObject({ await: matcherSchema });

/** One template, or a list of them: each is a message. */
export function templates(variables: readonly string[], description: string) {
  return listOf(variables, 'must be a template, or a list of them', () => undefined)
    .transform((list) => list as string[])
    .optional()
    .meta({ description, shape: 'template, or list of templates' });
}

/** The same, with what is waited for in between. */
export function loginSchema(variables: readonly string[], description: string) {
  const words = 'must be a template, or a list of them and of {await: <matcher>}';
  return listOf(variables, words, (entry, tell) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined;
    const parsed = awaitSchema.safeParse(entry);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) tell(issue as never);
    // It stands for what is wrong with it, which has been told.
    return '';
  })
    .optional()
    .meta({ description, shape: 'template, or list of templates and of `{await: <matcher>}`' });
}

type Tell = (issue: { code: string; message: string; path?: PropertyKey[] }) => void;

function listOf(
  variables: readonly string[],
  words: string,
  readOther: (entry: unknown, tell: Tell) => LoginEntry | undefined,
) {
  return z.any().transform((value: unknown, context): LoginEntry[] => {
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.length > MOST_ENTRIES)
      context.addIssue({ code: 'custom', message: `must have at most ${MOST_ENTRIES} entries` });
    return list.map((entry, index): LoginEntry => {
      const at = Array.isArray(value) ? [index] : [];
      const tell: Tell = (issue) => {
        context.issues.push({ ...issue, path: [...at, ...(issue.path ?? [])], input: entry } as never);
      };
      if (typeof entry === 'string' && entry !== '') {
        const problem = templateProblem(entry, variables);
        if (problem !== undefined) tell({ code: 'custom', message: problem });
        return entry;
      }
      const other = readOther(entry, tell);
      if (other === undefined) tell({ code: 'custom', message: words });
      return other ?? '';
    });
  });
}
