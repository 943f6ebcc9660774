/** One thing wrong with a scenario. */
export interface ScenarioIssue {
  /** Where: `scenarios/chat.yaml:14`, or the override `--set clients.count=lots`. */
  place: string;
  /** Path of the value, `messages.size`; empty where the whole file is meant. */
  path: string;
  /** What is wrong, and what would be right. */
  message: string;
}

/** A scenario that cannot run; holds everything that is wrong with it, one issue a line. */
export class ScenarioError extends Error {
  readonly code = 'C2M_SCENARIO';
  readonly issues: readonly ScenarioIssue[];

  constructor(issues: readonly ScenarioIssue[]) {
    super(issues.map(formatIssue).join('\n'));
    this.issues = issues;
  }
}

/** `scenarios/chat.yaml:14 messages.rate: "fast" is not a rate; write a number and a unit, such as 500/s` */
export function formatIssue({ place, path, message }: ScenarioIssue): string {
  return `${place}${path && !place.startsWith(`--set ${path}=`) ? ` ${path}` : ''}: ${message}`;
}
