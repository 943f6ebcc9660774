import { describe, expect, test } from 'vitest';
import { exportedName } from '../../record/metric-names.js';
import { METRICS } from '../../record/metrics.js';

const nameOf = (path: string) => exportedName(path).name;

describe('the name of a figure for Prometheus', () => {
  test.each([
    ['messages.sent', 'c2m_run_messages_sent_total', 1],
    ['messages.outOfOrder', 'c2m_run_messages_out_of_order_total', 1],
    ['connections.peak', 'c2m_run_connections_peak', 1],
    ['connections.connectsPerSecond', 'c2m_run_connections_connects_per_second', 1],
    ['latency.deliveredSinceSent.p99', 'c2m_run_latency_delivered_since_sent_p99_seconds', 1e-3],
    ['latency.connect.count', 'c2m_run_latency_connect_total', 1],
    ['durationSeconds', 'c2m_run_duration_seconds', 1],
    ['generator.lagMs.max', 'c2m_run_generator_lag_max_seconds', 1e-3],
    ['generator.lagLimitMs', 'c2m_run_generator_lag_limit_seconds', 1e-3],
    ['cpu.serverUsPerMessage', 'c2m_run_cpu_server_seconds_per_message', 1e-6],
    ['cpu.serverCores.mean', 'c2m_run_cpu_server_cores_mean', 1],
    ['memory.bytesPerConnection.kernel', 'c2m_run_memory_bytes_per_connection_kernel', 1],
    ['memory.bytesPerConnection.total', 'c2m_run_memory_bytes_per_connection_all', 1],
    ['memory.talking.kernel', 'c2m_run_memory_talking_kernel_bytes', 1],
    ['host.stealShare', 'c2m_run_host_steal_ratio', 1],
    ['media.uploads.bytes', 'c2m_run_media_uploads_bytes_total', 1],
    ['generator.tcp.segmentsIn', 'c2m_run_generator_tcp_segments_in_total', 1],
  ])('%s is %s', (path, name, factor) => {
    expect(exportedName(path)).toMatchObject({ name, factor, labels: {} });
  });

  test('what the run names is a label', () => {
    expect(exportedName('phases.talk.latency.accepted.p99')).toMatchObject({
      name: 'c2m_run_phase_latency_accepted_p99_seconds',
      labels: { phase: 'talk' },
    });
    expect(exportedName('backlog.queues.mailboxes.behindMs')).toMatchObject({
      name: 'c2m_run_backlog_queue_behind_seconds',
      labels: { queue: 'mailboxes' },
    });
    expect(exportedName('connections.failures.ECONNREFUSED')).toMatchObject({
      name: 'c2m_run_connections_failures_total',
      labels: { reason: 'ECONNREFUSED' },
    });
  });

  test('every metric of the catalogue has one of its own, and the conventions are kept', () => {
    const names = METRICS.map(({ path }) => nameOf(path));
    expect(new Set(names).size).toBe(METRICS.length);
    for (const name of names) expect(name).toMatch(/^c2m_run_[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
    for (const { path } of METRICS)
      expect(nameOf(path).endsWith('_total'), path).toBe(exportedName(path).isCounter);
    // Base units, and none of the endings that mean a histogram.
    expect(names.filter((name) => /_(ms|us|milliseconds|share|count|sum|bucket)(_|$)/.test(name))).toEqual(
      [],
    );
    const ofUnit = (unit: string) =>
      METRICS.filter((each) => each.unit === unit).map(({ path }) => nameOf(path));
    expect(ofUnit('ms').filter((name) => !name.endsWith('_seconds'))).toEqual([]);
    expect(ofUnit('bytes').filter((name) => !name.includes('_bytes'))).toEqual([]);
    expect(ofUnit('ratio').filter((name) => !name.endsWith('_ratio'))).toEqual([]);
  });

  test('of what is no metric there is none', () => {
    expect(() => exportedName('messages.happy')).toThrow('messages.happy is not in the catalogue');
  });
});
