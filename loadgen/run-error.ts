import type { Measurement } from '../record/run.js';

/**
 * A run that could not be completed. The message is for people: what was tried, what happened, what to do.
 * `C2M_INPUT`: what was asked for is refused and nothing was started; `C2M_RUN`: it was tried.
 */
export class RunError extends Error {
  readonly code: 'C2M_INPUT' | 'C2M_RUN';
  /** What was measured until then, if anything was. */
  readonly measurement: Measurement | undefined;

  constructor(code: RunError['code'], message: string, measurement?: Measurement) {
    super(message);
    this.name = 'RunError';
    this.code = code;
    this.measurement = measurement;
  }
}
