/**
 * Connections that dial from one loopback address. bind() looks for a free port one by one, and gets slow long
 * before the 28,232 ports of the default range are used up: see docs/surprises.md.
 */
export const CONNECTIONS_PER_SOURCE = 2000;

/**
 * Loopback addresses for one agent, which no other agent of this or the run before dials from: ports of a run
 * that has just ended are still in TIME_WAIT. 127.x.y.z with x from the run and y, z counted up.
 * @param run any number that differs between runs
 */
export function loopbackSources(run: number, agent: number, connections: number): string[] {
  const count = Math.max(1, Math.ceil(connections / CONNECTIONS_PER_SOURCE));
  const network = 2 + (run % 250);
  return Array.from({ length: count }, (_, index) => {
    const host = agent * MOST_SOURCES_AN_AGENT + (index % MOST_SOURCES_AN_AGENT);
    return `127.${network}.${(host >>> 8) & 0xff}.${host & 0xff}`;
  });
}

/** Room for a quarter of the last two bytes' addresses a process: 1024 × 2000 connections. */
const MOST_SOURCES_AN_AGENT = 1024;
