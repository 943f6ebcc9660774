/** A cluster is not there, or does not do what it was asked for; the message is for people. */
export class ClusterError extends Error {
  readonly code = 'C2M_CLUSTER';
  override readonly name = 'ClusterError';
}
