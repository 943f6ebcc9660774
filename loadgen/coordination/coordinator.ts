import type { Measurement } from '../../record/run.js';
import type { AgentPlan, FromAgent, ToAgent } from '../agent-messages.js';
import type { HostFacts } from '../host-facts.js';
import type { RunControl } from './run-control.js';

/**
 * Where the agents of a run are, and how they are spoken to: this machine (local-agents.ts), or machines that others lend
 * (nats/nats-agents.ts). All times that go through here are those of the coordinator's clock, `monotonicMs()`.
 */
export interface Coordinator {
  /**
   * The agents are on machines that others lend: what listens there, and who answers, is theirs to find out, and what this
   * machine's kernel holds is no client.
   */
  readonly isRemote: boolean;
  /**
   * From telling the agents a time to that time, milliseconds: they must have heard of it by then.
   */
  readonly leadMs: number;
  /** The machines that agents may be put on, those with a name of their own first. Always the same within a run. */
  hosts(): Promise<AgentHost[]>;
  /**
   * One agent a plan, on the host that the plan names; each has been handed its plan, and says `ready` over its link.
   * @throws RunError with what is missing and why, where a host does not take its part
   */
  start(plans: readonly AgentPlan[]): Promise<AgentLink[]>;
  /** How the clocks of the hosts went until now, measured once more; none of a host that has the same clock. */
  clocks(): Promise<ClockReport[]>;
  /**
   * Lets others ask for changes of the run, over whatever its agents are reached by; left out: there is no such way.
   * @param failed told why nobody can
   */
  answer?(control: RunControl, failed: (why: string) => void): { close(): void };
  /** Ends what is still there, and lets go of the hosts; within seconds, and again is harmless. */
  close(): Promise<void>;
}

/** A machine that agents run on. */
export interface AgentHost {
  /** No other host has it. */
  id: string;
  /** What people call it. */
  name: string;
  /** By which scenarios choose. */
  labels: string[];
  facts: HostFacts;
  environment: Measurement['environment'];
  /** How far its clock is from that of the coordinator, as it was measured last; null: it is the same clock. */
  clock: HostClock | null;
}

/** What its clock shows is that of the coordinator and the offset, milliseconds, give or take the uncertainty. */
export interface HostClock {
  offsetMs: number;
  uncertaintyMs: number;
  /** By how much the offset has moved since it was measured first; undefined: it was measured once. */
  driftMs?: number;
}

/** A clock of a host over a run. Times were converted by `first` throughout. */
export interface ClockReport {
  /** Id of the host. */
  host: string;
  /** Before the run. */
  first: HostClock;
  /** The newest; the same as `first` where it was not measured again. */
  last: HostClock;
  /** Of the offset, from first to last; null: it was not measured again. */
  driftMs: number | null;
  /** The largest of all that were measured. */
  uncertaintyMs: number;
}

/** The way to one agent. It converts times to the clock of its host, and back. */
export interface AgentLink {
  readonly host: AgentHost;
  readonly plan: AgentPlan;
  /** What is told to an agent that has ended is dropped. */
  tell(message: ToAgent): void;
  /** One listener; what came before it is handed over at once. */
  onMessage(listener: (message: FromAgent) => void): void;
  /** Resolves with how: it exited, it was cut off. Never rejects. */
  readonly ended: Promise<string>;
  /** Private memory of the agent in bytes, as new as can be had; null: not known. */
  privateBytes(): number | null;
  /** Asks it to end once it has said `final`; resolves when it has. */
  part(): Promise<void>;
  kill(): void;
}
