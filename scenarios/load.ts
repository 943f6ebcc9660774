import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { didYouMean } from './near-match.js';
import { applyOverride, type Override, type Path } from './override.js';
import type { Action, Scenario } from './scenario.js';
import { ScenarioError, type ScenarioIssue } from './scenario-error.js';
import { scenarioSchema } from './schema.js';
import { locateScenario } from './shipped.js';

/** A scenario with the text that it came from, as a run record keeps it. */
export interface LoadedScenario {
  scenario: Scenario;
  source: {
    file: string;
    text: string;
    /** The `--set` overrides, as typed. */
    overrides: string[];
  };
}

/**
 * Reads and checks a scenario file.
 * @param file a path, or the bare name of a scenario that ships with the lab, such as `quickstart`
 * @param overrides `path=value` each
 * @throws ScenarioError with everything that is wrong
 */
export async function loadScenario(file: string, overrides: readonly string[] = []): Promise<LoadedScenario> {
  const { path, label } = await locateScenario(file);
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new ScenarioError([{ place: label, path: '', message: `cannot be read: ${error.message}` }]);
  });
  return {
    scenario: withFiles(parseScenario(text, label, overrides), label, dirname(path)),
    source: { file: label, text, overrides: [...overrides] },
  };
}

/** Files that a scenario names lie beside it. @throws ScenarioError for one that is not there */
function withFiles(scenario: Scenario, label: string, folder: string): Scenario {
  const actions = scenario.actions.map((action): Action => {
    if (action.kind !== 'reload' || action.handlers === null) return action;
    const handlers = resolve(folder, action.handlers);
    if (existsSync(handlers)) return { ...action, handlers };
    throw new ScenarioError([
      {
        place: label,
        path: 'actions.handlers',
        message: `${handlers} is not there; write a path from the scenario’s folder`,
      },
    ]);
  });
  return { ...scenario, actions };
}

/**
 * Checks the text of a scenario.
 * @param label names the file in errors
 * @throws ScenarioError with everything that is wrong
 */
export function parseScenario(text: string, label: string, overrides: readonly string[] = []): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ScenarioError(
      document.errors.map((error) => ({
        place: `${label}:${lines.linePos(error.pos[0]).line}`,
        path: '',
        message: `is not YAML: ${error.message}`,
      })),
    );
  }
  const content: unknown = document.toJS();
  const applied = applyOverrides(content, overrides);
  const parsed = scenarioSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.flatMap(explain).map(({ path, message }): ScenarioIssue => {
    const override = applied.findLast(({ path: set }) => startsWith(path, set) || startsWith(set, path));
    return {
      place: override ? `--set ${override.text}` : `${label}:${lineOf(document, lines, path)}`,
      path: path.join('.'),
      message,
    };
  });
  throw new ScenarioError(inOrder(issues));
}

/** Applies each to `content`; what is wrong with several of them is told together. */
function applyOverrides(content: unknown, overrides: readonly string[]): Override[] {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return [];
  const issues: ScenarioIssue[] = [];
  const applied = overrides.flatMap((text) => {
    try {
      return [applyOverride(content as Record<string, unknown>, text)];
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      issues.push(...error.issues);
      return [];
    }
  });
  if (issues.length > 0) throw new ScenarioError(issues);
  return applied;
}

/** What zod found, one issue for each key that nobody knows, in our words. */
function explain(issue: z.core.$ZodIssue): { path: Path; message: string }[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `is not a known key${didYouMean(key, known) || `; known here: ${known.join(', ')}`}`,
    }));
  }
  if (issue.code === 'invalid_type' && issue.input === undefined && /^Invalid input/.test(issue.message)) {
    return [{ path, message: 'is missing' }];
  }
  return [{ path, message: issue.message.replace(/^Invalid input: expected (\w+).*/, 'must be of type $1') }];
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
}

/** The keys that the schema has at `path`. */
function knownKeys(path: Path): string[] {
  let schema: JsonSchema | undefined = z.toJSONSchema(scenarioSchema, {
    io: 'input',
    unrepresentable: 'any',
  }) as JsonSchema;
  for (const key of path) schema = typeof key === 'number' ? schema?.items : schema?.properties?.[key];
  return Object.keys(schema?.properties ?? {});
}

function startsWith(path: Path, beginning: Path): boolean {
  return beginning.every((key, index) => path[index] === key);
}

/** Line of the value at `path`; of its key where it is a map or a list; of the nearest parent where it is missing. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let line = isNode(node) ? lines.linePos(node.range?.[0] ?? 0).line : 1;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => (isNode(item.key) ? item.key.toJSON() : item.key) === key);
      if (!pair) break;
      if (isNode(pair.key)) line = lines.linePos(pair.key.range?.[0] ?? 0).line;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      if (isNode(node)) line = lines.linePos(node.range?.[0] ?? 0).line;
    } else {
      break;
    }
  }
  return Math.max(line, 1);
}

/** By line, as they stand in the file; the overrides last. */
function inOrder(issues: ScenarioIssue[]): ScenarioIssue[] {
  const line = ({ place }: ScenarioIssue): number => {
    return place.startsWith('--set ') ? Number.POSITIVE_INFINITY : Number(/:(\d+)$/.exec(place)?.[1] ?? 0);
  };
  return issues
    .map((issue, index) => ({ issue, index, line: line(issue) }))
    .sort((one, other) => (one.line === other.line ? one.index - other.index : one.line - other.line))
    .map(({ issue }) => issue);
}
