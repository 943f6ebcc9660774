/** A log that belongs to another owner, whose epoch is higher. */
export class FencedError extends Error {
  readonly code = 'C2M_FENCED';
}
