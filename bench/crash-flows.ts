import type { Destination } from './crash-ledger.js';

/** Without an answer, to one destination: the server remembers 64. */
const MOST_UNANSWERED = 30;

/** Counts what a sender has without an answer to each destination, so that a client keeps to what the server remembers. */
export class Flows {
  readonly #unanswered = new Map<string, number>();
  readonly #flowOf = new Map<string, string>();

  hasRoom(from: number, to: Destination): boolean {
    return (this.#unanswered.get(flowOf(from, to)) ?? 0) < MOST_UNANSWERED;
  }

  writes(from: number, id: number, to: Destination): void {
    const flow = flowOf(from, to);
    this.#unanswered.set(flow, (this.#unanswered.get(flow) ?? 0) + 1);
    this.#flowOf.set(`${from} ${id}`, flow);
  }

  answers(from: number, id: number): void {
    const key = `${from} ${id}`;
    const flow = this.#flowOf.get(key);
    if (flow === undefined) return;
    this.#flowOf.delete(key);
    this.#unanswered.set(flow, (this.#unanswered.get(flow) ?? 1) - 1);
  }
}

function flowOf(from: number, { group, recipients }: Destination): string {
  return group === undefined ? `${from} user ${recipients[0]}` : `${from} group ${group}`;
}
