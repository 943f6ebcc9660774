/** What an exporter of the SDK says when it is done: 0 where what it got has arrived. */
interface ExportResult {
  code: number;
  error?: Error;
}

type Export<Items> = (items: Items, done: (result: ExportResult) => void) => void;

/** Whether the last export arrived. */
export interface ExportState {
  isFailing: boolean;
}

/**
 * An exporter's `export` that keeps to itself what goes wrong, but for the first time: a receiver that is not there is no
 * fault of the run, and the SDK would tell of it every few seconds.
 */
export function tellingOnce<Items>(
  send: Export<Items>,
  state: ExportState,
  tell: (why: string) => void,
): Export<Items> {
  return (items, done) =>
    send(items, ({ code, error }) => {
      state.isFailing = code !== 0;
      if (code !== 0) tell(reasonOf(error));
      done({ code: 0 });
    });
}

function reasonOf(error: Error | undefined): string {
  if (!error) return 'it did not answer in time';
  const { code } = error as { code?: unknown };
  if (typeof code === 'number') return `it answered ${code} ${error.message}`.trim();
  // An address that leads to several machines fails on each of them, and says nothing itself.
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return first?.message || error.message || String(code ?? error.name);
}
