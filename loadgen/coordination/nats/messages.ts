import type { AgentPlan, FromAgent, ToAgent } from '../../agent-messages.js';
import type { AgentHost } from '../coordinator.js';

/**
 * What a coordinator and the machines that run `c2m agent` say to each other over NATS, as JSON. Machines and
 * coordinators both dial out to NATS, so none of them listens. Another number in the subjects is another protocol.
 */

const PREFIX = 'c2m.1';

export const SUBJECTS = {
  /** Asked of everybody: `FindHosts`; each machine answers with its `Announcement`. */
  find: `${PREFIX}.find`,
  /** Asked of one machine: `HostRequest`, answered with `HostAnswer`. */
  host: (host: string): string => `${PREFIX}.host.${host}`,
  /** Packets of a `Channel` (channel.ts), while a run has a machine: `ToHost` and `FromHost`. */
  toHost: (run: string, host: string): string => `${PREFIX}.run.${run}.to.${host}`,
  fromHost: (run: string, host: string): string => `${PREFIX}.run.${run}.from.${host}`,
  /** Asked of everybody: each coordinator with a run under way answers with a `RunAnnouncement`. */
  runs: `${PREFIX}.runs`,
  /** Asked of one coordinator: `RunRequest`, answered with `RunAnswer`. */
  control: (run: string): string => `${PREFIX}.control.${run}`,
} as const;

/**
 * A side that has heard nothing of the other for so long gives it up, and both then do what follows from that: the machine
 * ends its agents, the coordinator counts them as lost. Below the 5 s within which either must have happened.
 */
export const LOST_AFTER_MS = 4000;

export interface FindHosts {
  kind: 'find';
  /** Of c2m. */
  version: string;
}

/** A machine that is lent. Its clock is asked for, not told. */
export interface Announcement extends Omit<AgentHost, 'clock'> {
  /** Of c2m: plans of another version are not for it. */
  version: string;
  /** What carries clients there; why not, where packets cannot. */
  packets: true | string;
  /** Hosts of targets that it lets load go to beside its own loopback, as its owner wrote them. */
  allow: string[];
  /** The run that has it, with words for whose that is; null: it is free. */
  busy: { run: string; words: string } | null;
}

export type HostRequest =
  | { kind: 'clock' }
  /** Reserves the machine for a run, until it is released or the coordinator is not heard any more. */
  | { kind: 'take'; run: string; version: string; coordinator: string }
  | { kind: 'release'; run: string };

export type HostAnswer =
  | { kind: 'clock'; atMs: number }
  | { kind: 'done' }
  /** Why, in words that name the machine's part. */
  | { kind: 'refused'; why: string };

/** Times in here are those of the machine's clock: the coordinator converts. */
export type ToHost =
  /** Start an agent with this plan; refused, it says `ended`. */
  | { kind: 'plan'; plan: AgentPlan }
  | { kind: 'agent'; agent: number; message: ToAgent }
  /** The agent has said `final` and may go. */
  | { kind: 'part'; agent: number }
  | { kind: 'kill'; agent: number };

export type FromHost =
  | { kind: 'agent'; agent: number; message: FromAgent }
  /** It exited, it does not beat any more, its plan was refused. */
  | { kind: 'ended'; agent: number; how: string };
