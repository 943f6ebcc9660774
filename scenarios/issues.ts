import { z } from 'zod';
import { didYouMean } from '../record/near-match.js';
import type { Finding } from './finding.js';
import type { Path } from './path.js';
import type { ScenarioIssue } from './scenario-error.js';
import { scenarioSchema } from './schema.js';

/** More are not looked at: each takes a search, and nobody reads them. */
export const MOST_ISSUES = 200;

/** What zod found, one issue for each key that nobody knows, in our words. */
export function explain(issue: z.core.$ZodIssue): Finding[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(path, key));
  }
  if (issue.code === 'invalid_type' && issue.input === undefined && /^Invalid input/.test(issue.message)) {
    return [{ path, message: 'is missing' }];
  }
  return [{ path, message: issue.message.replace(/^Invalid input: expected (\w+).*/, 'must be of type $1') }];
}

/** A key at `path` that nobody knows. */
export function unknownKey(path: Path, key: string): Finding {
  const known = knownKeys(path);
  const hint = didYouMean(key, known) || `; known here: ${known.join(', ')}`;
  return { path: [...path, key], message: `is not a known key${hint}` };
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
}

let inputSchema: JsonSchema | undefined;

/** The keys that the schema has at `path`. */
export function knownKeys(path: Path): string[] {
  inputSchema ??= z.toJSONSchema(scenarioSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  let schema: JsonSchema | undefined = inputSchema;
  for (const key of path) schema = typeof key === 'number' ? schema?.items : schema?.properties?.[key];
  return Object.keys(schema?.properties ?? {});
}

/** File by file, and by line as they stand there; the overrides last. */
export function inOrder(issues: ScenarioIssue[], files: readonly string[]): ScenarioIssue[] {
  const fileOf = ({ place }: ScenarioIssue): string => place.replace(/:\d+$/, '');
  const line = ({ place }: ScenarioIssue): number => {
    return place.startsWith('--set ') ? Number.POSITIVE_INFINITY : Number(/:(\d+)$/.exec(place)?.[1] ?? 0);
  };
  const file = (issue: ScenarioIssue): number =>
    issue.place.startsWith('--set ') ? files.length : files.indexOf(fileOf(issue));
  return issues
    .map((issue, index) => ({ issue, index, line: line(issue), file: file(issue) }))
    .sort(
      (one, other) =>
        one.file - other.file || (one.line === other.line ? one.index - other.index : one.line - other.line),
    )
    .map(({ issue }) => issue);
}
