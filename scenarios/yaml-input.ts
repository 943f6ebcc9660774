import { type Document, isMap, isScalar, Lexer, LineCounter, Parser, parseDocument, visit } from 'yaml';
import { isNestedDeeper } from '../record/nesting.js';
import { quote } from '../record/quantity.js';

/** Largest file that is taken for YAML written by people. */
export const LARGEST_YAML_BYTES = 256 * 1024;

/** Levels of lists and maps; a scenario has five. */
const DEEPEST = 50;
/** Of one map. */
const MOST_KEYS = 1000;
const ERRORS_TOLD = 20;

/** YAML that cannot be used, with all that is wrong with it. */
export class YamlInputError extends Error {
  readonly code = 'C2M_YAML';
  readonly issues: readonly { line: number; message: string }[];

  constructor(issues: readonly { line: number; message: string }[]) {
    super(issues.map(({ line, message }) => `line ${line}: ${message}`).join('\n'));
    this.issues = issues;
  }
}

export interface YamlInput {
  document: Document;
  lines: LineCounter;
  /** The document as plain data. */
  content: unknown;
}

/**
 * Reads YAML that anybody may have written: bounded in depth, in keys and in what aliases make of it, so that a short
 * text cannot take long or much.
 * @throws YamlInputError
 */
export function parseYaml(text: string): YamlInput {
  const lines = new LineCounter();
  refuseDeep(text);
  // To find doubles, the library compares every key with every other.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const issues = document.errors.map(({ pos, message }) => ({
    line: lines.linePos(pos[0]).line,
    message: `is not YAML: ${message}`,
  }));
  if (issues.length === 0) issues.push(...keyIssues(document, lines));
  if (issues.length > ERRORS_TOLD) {
    const more = issues.length - ERRORS_TOLD;
    issues.splice(ERRORS_TOLD, more, { line: issues[ERRORS_TOLD]?.line ?? 1, message: `and ${more} more` });
  }
  if (issues.length > 0) throw new YamlInputError(issues);
  return { document, lines, content: contentOf(document) };
}

/** The parser keeps a stack of what is open; everything behind it is recursive. */
function refuseDeep(text: string): void {
  const parser = new Parser();
  let line = 1;
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > DEEPEST) throw tooDeep(line);
    line += lexeme.split('\n').length - 1;
  }
}

function tooDeep(line: number): YamlInputError {
  return new YamlInputError([
    { line, message: `is nested more than ${DEEPEST} levels deep; is it the right file?` },
  ]);
}

function contentOf(document: Document): unknown {
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // What the library throws for aliases: too many of them, or one without an anchor.
    if (!(error instanceof ReferenceError)) throw error;
    throw new YamlInputError([{ line: 1, message: `is not YAML that can be used: ${error.message}` }]);
  }
  // An alias within its own anchor has no end.
  if (isNestedDeeper(content, DEEPEST)) throw tooDeep(1);
  return content;
}

function keyIssues(document: Document, lines: LineCounter): { line: number; message: string }[] {
  const issues: { line: number; message: string }[] = [];
  visit(document, {
    Map: (_, map) => {
      if (!isMap(map)) return;
      const lineAt = (offset: number | undefined): number => lines.linePos(offset ?? 0).line;
      if (map.items.length > MOST_KEYS) {
        const message = `has ${map.items.length} keys in one map; ${MOST_KEYS} is the most`;
        issues.push({ line: lineAt(map.range?.[0]), message });
        return;
      }
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) {
          const line = lineAt(isScalar(key) ? key.range?.[0] : map.range?.[0]);
          issues.push({ line, message: `is not YAML: ${quote(name)} stands twice in one map` });
        }
        seen.add(name);
      }
    },
  });
  return issues;
}
