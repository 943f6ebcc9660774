import { once } from 'node:events';
import { connect } from 'node:net';
import { formatAddress } from '../protocol/address.js';
import type { Endpoint } from './agent-messages.js';
import { RunError } from './run-error.js';

const PROBE_TIMEOUT_MS = 5000;

/**
 * Connects once to each address and hangs up: a load test of nothing says nothing.
 * @throws RunError `C2M_RUN` with the address and the reason
 */
export async function probeEndpoints(endpoints: readonly Endpoint[]): Promise<void> {
  await Promise.all(endpoints.map(probe));
}

async function probe(endpoint: Endpoint): Promise<void> {
  const { host, port } = endpoint;
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    const reason =
      name === 'AbortError' ? `no answer within ${PROBE_TIMEOUT_MS / 1000} s` : (code ?? String(error));
    throw new RunError(
      'C2M_RUN',
      `nothing listens at ${formatAddress(endpoint)} (${reason}); start the server, or correct target.addresses in the scenario`,
    );
  } finally {
    socket.destroy();
  }
}
