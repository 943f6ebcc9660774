/** A run as it was planned, for whoever watches it. */
export interface LivePlan {
  /** Of the record, where its files are while they grow. */
  folder: string;
  /** Of the scenario. */
  scenario: string;
  description: string;
  clients: number;
  /** Those of the scenario; clients connect before the first, and what is under way arrives after the last. */
  phases: readonly { name: string; seconds: number }[];
  /** Where it is one of several: `run 2 of 5`. */
  words: string | null;
}

/** The phase that goes on. */
export interface LivePhase {
  name: string;
  /** Null: it ends when it ends. */
  seconds: number | null;
  /** Monotonic, milliseconds. */
  sinceMs: number;
}

/** Who simulates the clients. */
export interface LiveAgents {
  agents: number;
  hosts: number;
  lost: readonly { agent: number; host: string; why: string }[];
}
