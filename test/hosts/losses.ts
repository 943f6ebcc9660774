import { expect } from 'vitest';
import type { RecordedAgent, RunRecord } from '../../record/run.js';

/** By when a loss must have been noticed, and load must have ended. */
export const NOTICED_WITHIN_MS = 5000;

/** Agents of a machine, as the record has them. */
export function agentsOn(record: RunRecord, machine: string): RecordedAgent[] {
  return record.hosts.find(({ name }) => name === machine)?.agents ?? [];
}

/**
 * That a record names what was lost, that of one machine, in time; that its clients and messages are unknown and nothing is
 * lost; and that all others gave account.
 * @param sinceMs when it happened, by the wall clock
 */
export function expectLoss(record: RunRecord, machine: string, sinceMs: number): RecordedAgent[] {
  const lost = agentsOn(record, machine);
  expect(lost.length).toBeGreaterThan(0);
  const others = record.hosts.filter(({ name }) => name !== machine).flatMap(({ agents }) => agents);
  expect(others.length).toBeGreaterThan(0);
  for (const agent of others) expect(agent.lost).toBeNull();
  for (const { lost: loss } of lost) {
    const noticedAfterMs = Date.parse(record.startedAt) + (loss?.atSeconds ?? Number.NaN) * 1000 - sinceMs;
    expect(noticedAfterMs).toBeGreaterThan(-100);
    expect(noticedAfterMs).toBeLessThan(NOTICED_WITHIN_MS);
  }
  expect(record.connections.unknown).toBe(lost.reduce((sum, { clients }) => sum + clients, 0));
  expect(record.messages).toMatchObject({
    unknown: expect.any(Number),
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
  });
  return lost;
}
