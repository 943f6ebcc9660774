/** What one home is called in NATS. */
export interface LogNames {
  readonly stream: string;
  readonly subject: string;
  /** Of the snapshots of all homes of the cluster. */
  readonly bucket: string;
  /** Objects of the bucket: the last two snapshots, by turns. */
  readonly slots: readonly [string, string];
}

/** @param cluster letters, digits, - and _ */
export function logNames(cluster: string, home: number): LogNames {
  return {
    stream: `c2m-${cluster}-home-${home}`,
    subject: `c2m.${cluster}.log.${home}`,
    bucket: `c2m-${cluster}-snapshots`,
    slots: [`home-${home}-a`, `home-${home}-b`],
  };
}
