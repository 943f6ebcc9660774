import { z } from 'zod';
import { TCP_COUNTERS, type TcpCounters } from './tcp-counters.js';

const count = z.number().int().nonnegative();

/** Apart from the names: an agent counts them, and would load all of zod for them. Null in a run over sockets. */
export const tcpCountersSchema = z.object(
  Object.fromEntries(TCP_COUNTERS.map((name) => [name, count])) as Record<keyof TcpCounters, typeof count>,
);
