import type { Composition } from './compose.js';
import { environmentSecrets, withoutEnvironment } from './environment.js';
import type { Finding } from './finding.js';
import { explain, inOrder, MOST_ISSUES } from './issues.js';
import { originAt, placeAt } from './origin.js';
import { applyOverride, type Override } from './override.js';
import { type Path, startsWith } from './path.js';
import { rawTarget } from './raw-scenario.js';
import type { Scenario } from './scenario.js';
import { ScenarioError, type ScenarioIssue } from './scenario-error.js';
import { scenarioSchema } from './schema.js';
import { untoldGateFindings, untoldGates, untoldNote } from './untold-gates.js';
import { findingsAcross } from './whole-scenario.js';

/**
 * Checks a scenario as YAML holds it, overrides and all.
 * @param ask what else there is to find fault with, told together with the rest
 * @throws ScenarioError with everything that is wrong
 */
export function checkComposition(
  { content, origin, files }: Composition,
  overrides: readonly string[],
  ask: (content: unknown, variables: readonly string[]) => Finding[],
): { scenario: Scenario; notes: string[]; variables: string[] } {
  const wasEmbedded = rawTarget(content).kind === 'embedded';
  const applied = applyOverrides(content, overrides);
  const overrideOf = (path: Path): Override | undefined =>
    applied.findLast(({ path: set }) => startsWith(path, set) || startsWith(set, path));
  const placeOf = (path: Path): string => {
    const override = overrideOf(path);
    return override ? `--set ${override.text}` : placeAt(origin, path);
  };
  const isAnother = wasEmbedded && rawTarget(content).kind !== 'embedded';
  // A gate that was written for an embedded server says nothing wrong about the one that `--set` names instead.
  const isForAnother = (gate: number): boolean =>
    isAnother && !applied.some(({ path: [key, index = gate] }) => key === 'gates' && index === gate);
  const untold = untoldGates(content);
  const isFilled = (path: Path): boolean => {
    const override = overrideOf(path);
    if (override) return override.variables.length > 0;
    const { file, path: there } = originAt(origin, path);
    return file.filled.some((each) => each.join('\0') === there.join('\0'));
  };
  const parsed = parseWithTexts(content, isFilled);
  const variables = [...new Set([...files, ...applied].flatMap((each) => each.variables))];
  const findings = [
    ...(parsed.error?.issues.slice(0, MOST_ISSUES).flatMap(explain) ?? []),
    ...findingsAcross(content, environmentSecrets(variables)),
    ...untoldGateFindings(
      untold.filter((gate) => !isForAnother(gate)),
      content,
    ),
    ...ask(content, variables),
  ].slice(0, MOST_ISSUES);
  if (findings.length > 0 || !parsed.data) {
    const issues = findings.map(({ path, message }) => ({
      place: placeOf(path),
      path: path.join('.'),
      message: withoutEnvironment(message, variables),
    }));
    throw new ScenarioError(
      inOrder(
        issues,
        files.map(({ label }) => label),
      ),
    );
  }
  const { gates } = parsed.data;
  return {
    scenario: { ...parsed.data, gates: gates.filter((_, index) => !untold.includes(index)) },
    notes: untold.map((index) => untoldNote(gates[index]?.expression ?? '')),
    variables,
  };
}

/**
 * What a variable of the environment holds is a number or a text as the scenario needs it: a password of digits is a password.
 * @param isFilled whether the value at a path came from a variable
 */
function parseWithTexts(content: unknown, isFilled: (path: Path) => boolean) {
  const parsed = scenarioSchema.safeParse(content);
  const meantAsTexts = (parsed.error?.issues ?? [])
    .filter((issue) => issue.code === 'invalid_type' && issue.expected === 'string')
    .map(({ path }) => path as Path)
    .filter(isFilled);
  for (const path of meantAsTexts) makeText(content, path);
  return meantAsTexts.length > 0 ? scenarioSchema.safeParse(content) : parsed;
}

function makeText(content: unknown, path: Path): void {
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], content);
  const key = path.at(-1) as string;
  // A short form has no parts: there the value is another one than this.
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) return;
  const parts = parent as Record<string, unknown>;
  parts[key] = String(parts[key]);
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
