/** A server of NATS could not be reached. The message is for people: what was tried, what happened, what to do. */
export class NatsError extends Error {
  readonly code = 'C2M_NATS';
  override readonly name = 'NatsError';
}
