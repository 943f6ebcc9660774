import type { Credentials } from '../protocol/user-token.js';
import type { Aborted } from '../record/abort.js';
import type { Measurement } from '../record/run.js';
import type { LoadedScenario } from '../scenarios/load.js';
import type { MetricsPage, Scenario, ServerAction } from '../scenarios/scenario.js';
import type { AgentPlan, Endpoint } from './agent-messages.js';
import type { Coordinator } from './coordination/coordinator.js';
import type { ServerProcesses } from './recording/process-sum.js';

/** What a run may do to its server. */
export interface ServerControl {
  /**
   * Resolves with what was done, in words; rejects with why it could not be.
   * @param ended told when what it began ends, such as that what was killed is there again
   */
  act(action: ServerAction, ended: (words: string) => void): Promise<string>;
  /** The run ends: what an action still waits for, such as when a node is to be started again, is done at once. */
  hurry?(): void;
}

/** A node of the cluster under test. */
export interface ServerNode {
  name: string;
  /** Of its admin port; the same when it was started again. */
  adminUrl: string;
}

/** What a run is made from: a scenario, and where to go with it. */
export interface RunRequest {
  scenario: Scenario;
  source: LoadedScenario['source'];
  /** Where clients connect to, resolved. */
  endpoints: Endpoint[];
  /** Who of them is in which agent. */
  plans: AgentPlan[];
  /** Where those agents are. */
  coordinator: Coordinator;
  /** What clients log in with; null: the server asks for nothing. */
  credentials: Credentials | null;
  /** The server under test, where the lab started it itself. */
  server: ServerControl | null;
  /** Admin port of the server under test, if it has one. */
  adminUrl: string | null;
  /** Nodes of the server under test, where it is a cluster that the lab started: each has an admin port of its own. */
  nodes?: readonly ServerNode[];
  /** Processes of this host that the server under test is, where that is known. */
  processes: ServerProcesses | null;
  /** What is read of what the server says of itself. */
  metrics: MetricsPage | null;
  /** Media port of the server under test, if it has one. */
  mediaUrl: string | null;
  target: Omit<Measurement['target'], 'died' | 'driver'> & {
    driver: NonNullable<Measurement['target']['driver']>;
  };
  /** Nobody asks first whether the server speaks the protocol; for a server that was asked a moment ago. */
  skipsFirstContact?: boolean;
  /** Exists; `timeline.ndjson` and `latency.hlog` are written there as the run goes on. */
  folder: string;
  /** Takes what was measured so far, every few seconds once somebody has logged in; left out: nobody wants it. */
  checkpoint?: (measurement: Measurement) => void;
  /** How long after the one before, at least; left out: a few seconds. */
  checkpointMs?: number;
  /** Looks at what was measured so far, about once a second: why the run is to end now; undefined: it goes on. */
  watch?: (measurement: Measurement) => Aborted | undefined;
  /** Of c2m. */
  version: string;
}
