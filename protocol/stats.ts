/**
 * What the admin port answers to `GET /stats`: the state of a server and its queues, as JSON.
 * Reading it changes nothing, so several readers may poll it; each takes the samples that it has not seen.
 */
export interface ServerStats {
  schema: 'c2m.stats/1';
  version: string;
  startedAtMs: number;
  connections: number;
  /** Users that the server holds state for, connected or not. */
  users: number;
  store: StoreStats;
  counters: ServerCounters;
  workers: WorkerStats[];
  /** Workers that died and were started again, oldest first. */
  restarts: WorkerRestart[];
  handlers: HandlerStats;
  /** Null where the server keeps none. */
  media: MediaStats | null;
  /** Null where it stands alone. */
  cluster: ClusterStats | null;
  /** The newest samples of every queue, oldest first, about the last ten seconds; no peak between them is missed. */
  samples: QueueSample[];
  /** Alerts raised since the start, oldest first; the newest thousand are kept. */
  alerts: QueueAlert[];
  /** Each queue since the start, by the same names as in `samples`. */
  queues: Record<string, QueueStats>;
}

/** A cluster as one of its nodes sees it, and what that node has of it. */
export interface ClusterStats {
  name: string;
  node: string;
  /** Of all nodes; one for each worker. */
  peers: ClusterPeer[];
  /** By number. */
  homes: ClusterHome[];
  /** Of each worker of this node. */
  workers: ClusterWorkerStats[];
}

export interface ClusterPeer {
  number: number;
  node: string;
  worker: number;
  /** It hands its homes over, and goes. */
  isLeaving: boolean;
}

export interface ClusterHome {
  home: number;
  /** Number of a peer; 0: nobody has it. */
  owner: number;
  epoch: number;
  state: 'opening' | 'open' | 'moving';
}

export interface ClusterWorkerStats {
  worker: number;
  /** Its number as a peer; 0: it is not in, or cut off. */
  peer: number;
  /** Homes that are open here. */
  homes: number;
  /** Turns whose logs have not confirmed them, of all homes here. */
  turnsUnderWay: number;
  /** Log behind the last snapshots, of all homes here: what takeovers would have to read. */
  logBytes: number;
  /** What other peers have not taken from the bus, and what is held for homes that move. */
  busBytes: number;
  heldBytes: number;
  /** Batches of the bus that were sent once more. */
  repeatedBatches: number;
  /** Homes that were opened here, oldest first; the newest hundred are kept. */
  opened: OpenedHome[];
  /** All of them, by whether their owners had handed them over. */
  openings: { handedOn: OpeningCount; takenOver: OpeningCount };
}

/** Since the start of the worker. */
export interface OpeningCount {
  count: number;
  /** Of all together. */
  tookMs: number;
}

/** How a home came here; milliseconds. */
export interface OpenedHome {
  home: number;
  epoch: number;
  /** Handed over by its owner; otherwise that one was gone, or nobody had it. */
  isHandedOn: boolean;
  /** Since 1970, when it was open. */
  atMs: number;
  /** From when this node was given it. */
  tookMs: number;
  fenceMs: number;
  snapshotMs: number;
  replayMs: number;
  /** What was read of the log. */
  records: number;
  bytes: number;
}

/** Where the mailboxes are; counts and times of all homes together, since the start. */
export interface StoreStats {
  kind: 'lmdb' | 'memory' | 'jetstream';
  /** Items that wait or are under way, receipts included. */
  items: number;
  diskBytes: number;
  commits: number;
  /** Time that the homes spent in commits, milliseconds. */
  commitMs: number;
}

export interface ServerCounters {
  connectionsAccepted: number;
  connectionsClosed: number;
  /** Connections that the server ended, by reason name (`IdleTimeout`, `ProtocolError` …). */
  closedByReason: Record<string, number>;
  logins: number;
  /** SEND, GROUP_SEND and GROUP. */
  sends: number;
  accepted: number;
  /** SENDs that repeated an id already accepted. */
  repeated: number;
  refused: number;
  /** Refused SENDs by reason name (`MailboxFull`, `RateLimited` …). */
  refusedByReason: Record<string, number>;
  delivered: number;
  redelivered: number;
  acknowledged: number;
  receipts: number;
  /** Messages to groups, once for each member. */
  copies: number;
  /** Copies that did not go into a mailbox, because it was full; their senders are told. */
  undelivered: number;
  /** Items deleted because they waited longer than the retention time. */
  expired: number;
  /** Frames on which the handlers threw what they may not; each has ended its connection with InternalError. */
  handlerFaults: number;
  /** Items that were not what was stored, and were passed over. */
  damaged: number;
}

export interface WorkerStats {
  worker: number;
  pid: number;
  connections: number;
  /** Resident set of the process; `privateBytes` leaves out pages shared with other processes. */
  residentBytes: number;
  privateBytes: number;
  /** CPU seconds, user and system, of this process and of those of its number that died before. */
  cpuSeconds: number;
  eventLoopLagP99Ms: number;
  /**
   * When the process read these, by the wall clock as it was when it started: a clock that is set meanwhile does not
   * move it, so that differences are times. A server of before this was told does not tell.
   */
  atMs?: number;
}

/** Files that are kept, and requests since the start. */
export interface MediaStats {
  files: number;
  bytes: number;
  /** Uploads that are under way or were broken off, and the disk space that they take or were promised. */
  unfinished: number;
  unfinishedBytes: number;
  /** Files that were set aside because they could not be served. */
  damaged: number;
  uploads: number;
  downloads: number;
  /** Requests that were refused, by HTTP status. */
  refused: Record<string, number>;
}

/** The code that handles the frames of clients. */
export interface HandlerStats {
  /** In force, in every worker. */
  version: string;
  /** Wall clock, milliseconds since 1970. */
  sinceMs: number;
  /** How often handlers went into force, the start included. */
  loads: number;
  /** Versions that did not, oldest first; the newest hundred. */
  rejected: { atMs: number; reason: string }[];
  /** Of all, however many of them are listed. */
  rejections: number;
}

export interface WorkerRestart {
  worker: number;
  /** Wall clock, milliseconds since 1970. */
  atMs: number;
  reason: string;
}

export interface QueueSample {
  /** Wall clock, milliseconds since 1970. */
  atMs: number;
  /** Rises by one with every sample; a reader remembers the last one that it took. */
  sequence: number;
  /**
   * Length by queue: `logins`, `bus-ingress`, `sends-under-way`, `mailbox-writes`, `mailboxes`, `fan-out`, `outbound`; `#n` is added for a worker.
   * A queue that is empty is left out.
   */
  queues: Record<string, number>;
  /** Processes that have reported since the sample before, by number, with the `atMs` of their report. */
  reports?: Record<string, number>;
  /**
   * What had come into each queue and gone out of it, as in `queues` of the stats, when its process reported. Those that
   * have not changed since its report before are left out.
   */
  counts?: Record<string, [arrived: number, served: number]>;
}

export interface QueueStats {
  /** Highest length. */
  max: number;
  /** Length past which there is an alert; null: none. */
  threshold: number | null;
  /** What came in and what went out; what comes back into a mailbox because its reader left counts as not gone out. */
  arrived: number;
  served: number;
  /** Most that went out in any second: what can be served, at least. */
  mostServedPerSecond: number;
}

export interface QueueAlert {
  queue: string;
  raisedAtMs: number;
  /** Null while the alert stands. */
  clearedAtMs: number | null;
  threshold: number;
  /** Highest length while the alert stood. */
  peak: number;
}
