import { type Document, isMap, isNode, isSeq, type LineCounter } from 'yaml';
import { InputFileError, readTextFile } from '../record/input-file.js';
import { fillFromEnvironment } from './environment.js';
import type { Path } from './path.js';
import { ScenarioError } from './scenario-error.js';
import { LARGEST_YAML_BYTES, parseYaml, type YamlInput, YamlInputError } from './yaml-input.js';

/** A text that a scenario is made of, read and filled in with variables of the environment. */
export interface ScenarioFile {
  /** Names it in errors. */
  label: string;
  text: string;
  document: Document;
  lines: LineCounter;
  /** As plain data. */
  content: unknown;
  /** Variables of the environment that stand in it. */
  variables: readonly string[];
  /** Paths of the values that came from there. */
  filled: readonly Path[];
}

/**
 * @param label names the text in errors
 * @throws ScenarioError
 */
export function parseScenarioText(text: string, label: string): ScenarioFile {
  const input = readYaml(text, label);
  const { variables, filled, problems, content } = fillFromEnvironment(input);
  if (problems.length > 0) {
    throw new ScenarioError(
      problems.map(({ line, path, message }) => ({
        place: `${label}:${line}`,
        path: path.join('.'),
        message,
      })),
    );
  }
  return { label, text, ...input, content, variables, filled };
}

/** @throws ScenarioError, its place the file or, if somebody names it, where that is done */
export async function readScenarioFile(path: string, label: string, namedAt = label): Promise<ScenarioFile> {
  const text = await readTextFile(path, LARGEST_YAML_BYTES).catch((error: Error) => {
    if (!(error instanceof InputFileError)) throw error;
    const message = namedAt === label ? error.reason : `${label} ${error.reason}`;
    throw new ScenarioError([{ place: namedAt, path: '', message }]);
  });
  return parseScenarioText(text, label);
}

function readYaml(text: string, label: string): YamlInput {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlInputError)) throw error;
    const [first] = error.issues;
    // What follows from it says nothing more.
    if (first && isUnquotedVariable(text, first.line)) {
      const message = 'is not YAML: between braces a variable needs quotes, such as { count: "${COUNT}" }';
      throw new ScenarioError([{ place: `${label}:${first.line}`, path: '', message }]);
    }
    throw new ScenarioError(
      error.issues.map(({ line, message }) => ({ place: `${label}:${line}`, path: '', message })),
    );
  }
}

function isUnquotedVariable(text: string, line: number): boolean {
  return /[{,:]\s*\$\{/.test(text.split('\n')[line - 1] ?? '');
}

/** `chat.yaml:14`: the value at `path`; its key where it is a map or a list; the nearest parent where it is missing. */
export function placeIn({ label, document, lines }: ScenarioFile, path: Path): string {
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
  return `${label}:${Math.max(line, 1)}`;
}
