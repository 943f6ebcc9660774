/** Packets cannot be sent here; the message says what is missing. */
export class PacketsError extends Error {
  readonly code = 'C2M_INPUT';
}
