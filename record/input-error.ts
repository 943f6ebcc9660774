/** Input that cannot be used; the message says which and what would be right. */
export class InputError extends Error {
  readonly code = 'C2M_INPUT';
}
