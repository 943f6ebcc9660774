/** A request that is refused; `code` is stable, the message says what would be right. */
export class Refusal extends Error {
  constructor(
    readonly statusCode: number,
    readonly code: string,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

/** The disk, or the share of it that this process may use, is full. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** Descriptors or memory are short for the moment. */
const SHORT = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

export function isDiskFull(error: unknown): boolean {
  return FULL.has((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** What a client is told of an error: its own mistake as it is, ours without what is nobody's business. */
export function asRefusal(error: Error & { statusCode?: number; code?: string }): Refusal {
  if (error instanceof Refusal) return error;
  if (isDiskFull(error))
    return new Refusal(507, 'StoreFull', 'there is no room on the disk; try again later');
  if (SHORT.has(error.code ?? '')) return overloaded();
  const { statusCode = 500 } = error;
  return statusCode < 500
    ? new Refusal(statusCode, error.code ?? 'BadRequest', error.message)
    : new Refusal(500, 'InternalError', 'the file could not be kept; try again');
}

export function overloaded(headers: Record<string, string> = {}): Refusal {
  return new Refusal(503, 'Overloaded', 'too much at once; try again in a few seconds', {
    'retry-after': '2',
    ...headers,
  });
}
