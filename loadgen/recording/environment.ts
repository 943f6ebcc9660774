import { cpus, release, type } from 'node:os';
import type { Measurement } from '../../record/run.js';
import type { HostFacts } from '../host-facts.js';

/** What a run ran on, for its record. */
export function describeEnvironment(facts: HostFacts, version: string): Measurement['environment'] {
  return {
    c2m: version,
    node: process.version,
    kernel: `${type()} ${release()}`,
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cores: facts.cores,
    memoryBytes: facts.memoryBytes,
    limits: {
      openFiles: facts.openFiles.soft,
      ephemeralPorts: facts.ephemeralPorts,
      somaxconn: facts.somaxconn,
      tcpMaxSynBacklog: facts.tcpMaxSynBacklog,
      fileMax: facts.fileMax,
    },
  };
}
