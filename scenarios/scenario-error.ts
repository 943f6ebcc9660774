import { printable } from '../record/printable.js';

/** One thing wrong with a scenario. */
export interface ScenarioIssue {
  /** Where: `scenarios/chat.yaml:14`, or the override `--set clients.count=lots`. */
  place: string;
  /** Path of the value, `messages.size`; empty where the whole file is meant. */
  path: string;
  /** What is wrong, and what would be right. */
  message: string;
}

/** Who has a hundred to mend begins with these. */
const ISSUES_TOLD = 50;

/** A scenario that cannot run; its message tells what is wrong with it, one issue a line. */
export class ScenarioError extends Error {
  readonly code = 'C2M_SCENARIO';
  readonly issues: readonly ScenarioIssue[];

  constructor(issues: readonly ScenarioIssue[]) {
    const told = issues.slice(0, ISSUES_TOLD).map(formatIssue);
    if (issues.length > ISSUES_TOLD) told.push(`and ${issues.length - ISSUES_TOLD} more`);
    super(told.join('\n'));
    this.issues = issues;
  }
}

/** `scenarios/chat.yaml:14 messages.rate: "fast" is not a rate; write a number and a unit, such as 500/s` */
export function formatIssue({ place, path, message }: ScenarioIssue): string {
  return printable(`${place}${path && !place.startsWith(`--set ${path}=`) ? ` ${path}` : ''}: ${message}`);
}
