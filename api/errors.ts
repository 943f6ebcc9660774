import type { ScenarioIssue } from '../scenarios/scenario-error.js';

export type { ScenarioIssue };

/** What may go wrong, by the `code` of the error. Codes stay as they are; messages are for people, and get better. */
export const ERROR_CODES = {
  /** A scenario is wrong: `issues` has everything that is, each with its place. Nothing was started. */
  C2M_SCENARIO: 'the scenario is wrong',
  /** Something else that was asked for cannot be done, or is refused. Nothing was started. */
  C2M_INPUT: 'the input is wrong',
  /** A file that was named cannot be used: it is not there, too large, or no text. */
  C2M_INPUT_FILE: 'a file cannot be used',
  /** A gate cannot be understood, or its base line does not have the figure. */
  C2M_GATE: 'a gate is wrong',
  /** A folder holds no run record, or one that cannot be read. */
  C2M_RECORD: 'there is no record to read',
  /** The configuration of the reference server is wrong; a line for each setting. */
  C2M_SERVER_CONFIG: 'the configuration of the server is wrong',
  /** The name in an address does not resolve. */
  C2M_ENDPOINT: 'an address cannot be found',
  /** The server that `target.command` starts did not come up; the message has what it said. */
  C2M_COMMAND: 'the server under test could not be started',
  /** The reference server did not come up. */
  C2M_SERVER_START: 'the reference server could not be started',
  /** The run began, and could not be completed. What was measured until then is in its folder. */
  C2M_RUN: 'the run could not be completed',
  /** NATS, by which other machines or the nodes of a cluster are met, cannot be reached. */
  C2M_NATS: 'NATS cannot be reached',
  /** A cluster of the reference server does not do what it was asked for. */
  C2M_CLUSTER: 'the cluster cannot be used',
  /** The reference server is in its cluster already under this name, on another machine or in another process. */
  C2M_NODE_NAME: 'another server has the name of this node',
  /** The folder of the mailboxes cannot be used: another server has it, it holds something else, the disk is full. */
  C2M_STORE: 'the mailboxes cannot be opened',
  /** New handlers were refused; those before stay in force. */
  C2M_RELOAD: 'the handlers were not replaced',
  /** A native part of c2m (lmdb, koffi, sharp) is needed, and is not installed here. */
  C2M_MISSING_PART: 'a native part is missing',
} as const;

/** A key of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** An error of c2m: its message tells a person what was wrong and what to do, its code tells a program. */
export type C2mError = Error &
  (
    | { readonly code: 'C2M_SCENARIO'; readonly issues: readonly ScenarioIssue[] }
    | { readonly code: Exclude<ErrorCode, 'C2M_SCENARIO'> }
  );

/** Whether c2m tells of something that can be put right, rather than having a fault of its own. */
export function isC2mError(error: unknown): error is C2mError {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}
