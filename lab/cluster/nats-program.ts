import { delimiter } from 'node:path';
import { InputError } from '../../record/input-error.js';
import { programProblem } from '../../scenarios/missing-program.js';

const PROGRAM = 'nats-server';
/** Where Debian puts it, which is not in the PATH of everybody. */
const DEBIAN_FOLDER = '/usr/sbin';

/** The PATH in which `nats-server` is looked for. */
export function natsPath(): string {
  return [process.env.PATH ?? '/usr/bin:/bin', DEBIAN_FOLDER].join(delimiter);
}

/** @throws InputError that says what to install, where `nats-server` is not there */
export function demandNatsServer(path = natsPath()): void {
  if (programProblem(PROGRAM, process.cwd(), path) === undefined) return;
  throw new InputError(
    `target.embedded.cluster: there is no program ${PROGRAM} (looked in PATH and ${DEBIAN_FOLDER}); install it ` +
      '(Debian: sudo apt-get install nats-server; macOS: brew install nats-server), or leave the cluster out',
  );
}
