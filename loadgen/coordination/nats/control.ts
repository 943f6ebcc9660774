import type { NatsConnection } from '@nats-io/transport-node';
import { RunError } from '../../run-error.js';
import type { RunAnswer, RunRequest } from '../run-control.js';
import {
  answerRequest,
  type LiveRun,
  type RunControl,
  readAnnouncement,
  readAnswer,
} from '../run-control.js';
import { SUBJECTS } from './messages.js';

/** Runs that have said nothing by then are not there, or too busy to be changed. */
const FIND_MS = 1000;
const ANSWER_TIMEOUT_MS = 5000;

/**
 * Lets whoever is on the same NATS ask a run of this process for changes.
 * @param failed told why that is not possible, such as for want of a permission
 */
export function answerOverNats(
  connection: NatsConnection,
  control: RunControl,
  failed: (why: string) => void,
): { close(): void } {
  const subjects: [string, (text: string) => unknown][] = [
    [SUBJECTS.runs, () => control.announce()],
    [SUBJECTS.control(control.announce().run), (text) => answerRequest(control, text)],
  ];
  const subscriptions = subjects.map(([subject, answer]) =>
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) failed(error.message);
        else message.respond(JSON.stringify(answer(message.string())));
      },
    }),
  );
  return {
    close: () => {
      // With a connection that is closed they are gone already.
      if (!connection.isClosed()) for (const each of subscriptions) each.unsubscribe();
    },
  };
}

/** Runs whose coordinators are on this NATS. @throws RunError where they cannot be asked for */
export async function findRunsOverNats(connection: NatsConnection): Promise<LiveRun[]> {
  const found: LiveRun[] = [];
  try {
    const answers = await connection.requestMany(SUBJECTS.runs, '', { strategy: 'timer', maxWait: FIND_MS });
    for await (const answer of answers) {
      const announcement = readAnnouncement(answer.string());
      if (announcement)
        found.push({ announcement, ask: (request) => ask(connection, announcement.run, request) });
    }
  } catch (error) {
    // Nobody listens there: there is no run.
    if ((error as Error).name !== 'NoResponders') throw failure(error as Error);
  }
  return found;
}

async function ask(connection: NatsConnection, run: string, request: RunRequest): Promise<RunAnswer> {
  const subject = SUBJECTS.control(run);
  const answer = await connection
    .request(subject, JSON.stringify(request), { timeout: ANSWER_TIMEOUT_MS })
    .catch((error: Error) => {
      throw failure(error);
    });
  return readAnswer(answer.string());
}

function failure(error: Error): RunError {
  // The client library wraps what it says of a request.
  const { name, message } = error.cause instanceof Error ? error.cause : error;
  const why: Record<string, string> = {
    NoResponders: 'it has ended meanwhile',
    TimeoutError: `it gave no answer within ${ANSWER_TIMEOUT_MS / 1000} s`,
  };
  return new RunError('C2M_RUN', `the run cannot be asked: ${why[name] ?? message}`);
}
