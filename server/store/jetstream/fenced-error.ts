/** A log that belongs to a later epoch: somebody else has it, or the table of the cluster was lost and the logs were not. */
export class FencedError extends Error {
  readonly code = 'C2M_FENCED';
  /** That the log was last fenced with. */
  readonly epoch: number;

  constructor(message: string, epoch: number) {
    super(message);
    this.epoch = epoch;
  }
}
