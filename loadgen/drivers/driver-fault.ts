import { isMistake, thrownWords } from './own/own-fault.js';

/** What connections count under that a driver of the lab has ended by a mistake of its own. */
export const DRIVER_FAULT = 'DriverFault';

/** Our own files, in the sources and as they are built. */
const PLACE = /\b((?:loadgen|protocol)\/[\w./-]+:\d+)/;

/**
 * Whether an error ends one connection, and not the agent: a driver of the lab met something that a server may send and that
 * nobody has thought of, and thousands of other clients go on. A driver of somebody's own is theirs to mend: its mistakes end
 * the run, and so does what is thrown on purpose.
 */
export function endsOneConnection(error: unknown, driver: string): error is Error {
  return driver !== 'own' && isMistake(error);
}

/** For the record: the count alone would blame the server. */
export function driverFaultWords(error: Error, driver: string): string {
  const [, place] = PLACE.exec(error.stack ?? '') ?? [];
  const at = place === undefined ? '' : `at ${place}, `;
  return `the ${driver} driver failed on what the server sent (${at}${thrownWords(error)}): that is a fault of c2m, not of the server; please report it. The connections that it ended count under ${DRIVER_FAULT}`;
}
