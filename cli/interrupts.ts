import { ExitStatus } from './exit-status.js';

/** Ctrl-C and SIGTERM: the first asks for an orderly end, the second does not wait for it. */
export interface Interrupts {
  /** True from the first signal on. */
  readonly isRequested: boolean;
  /** Aborted at the first signal. */
  readonly signal: AbortSignal;
  /** Called at the first signal; at once if it has come already. */
  onRequest(listener: () => void): void;
  /** Called at the second signal, just before the process ends. */
  onForce(listener: () => void): void;
  /** As the first signal does; without effect after it. */
  request(): void;
  /** Gives the signals back to Node. */
  release(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** @param hangup a terminal that is closed asks for the end too, where SIGHUP means nothing else */
export function listenForInterrupts({ hangup = false } = {}): Interrupts {
  const signals = hangup ? ([...SIGNALS, 'SIGHUP'] as const) : SIGNALS;
  const requests: (() => void)[] = [];
  const forces: (() => void)[] = [];
  const controller = new AbortController();
  let isRequested = false;
  const take = (): void => {
    if (isRequested) {
      for (const listener of forces) listener();
      process.exit(ExitStatus.Interrupted);
    }
    request();
  };
  const request = (): void => {
    if (isRequested) return;
    isRequested = true;
    controller.abort();
    for (const listener of requests) listener();
  };
  for (const signal of signals) process.on(signal, take);
  return {
    get isRequested() {
      return isRequested;
    },
    signal: controller.signal,
    onRequest: (listener) => {
      requests.push(listener);
      if (isRequested) listener();
    },
    onForce: (listener) => forces.push(listener),
    request,
    release: () => {
      for (const signal of signals) process.off(signal, take);
    },
  };
}
