import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { runRecordJsonSchema, runRecordSchema } from '../../record/run.js';
import { agentOf, hostOf, twoHosts, withHosts } from '../fixtures/agents.js';
import { recordFixture } from '../fixtures/record.js';

const shipped = JSON.parse(await readFile(new URL('../../record/run.schema.json', import.meta.url), 'utf8'));
// The pattern in the schema is stricter than the format, which ajv leaves to a plugin.
const validate = new Ajv({ allErrors: true, formats: { 'date-time': true } }).compile(shipped);

describe('record/run.schema.json', () => {
  it('is what record/run.ts says', () => {
    expect(shipped).toEqual(JSON.parse(JSON.stringify(runRecordJsonSchema())));
  });

  it('accepts a record that the code accepts', () => {
    const { record } = recordFixture();
    expect(validate(record), JSON.stringify(validate.errors)).toBe(true);
    expect(runRecordSchema.safeParse(record).success).toBe(true);
  });

  it('accepts hosts with agents, and a record of before they were told has none', () => {
    const { record } = recordFixture((each) => {
      withHosts(each, [...twoHosts(), hostOf('c', [agentOf(6)], { clock: null })]);
    });
    expect(validate(record), JSON.stringify(validate.errors)).toBe(true);
    expect(runRecordSchema.parse(record).hosts).toEqual(record.hosts);
    const { hosts: _, ...older } = structuredClone(recordFixture().record) as Partial<typeof record>;
    delete (older.messages as { unknown?: unknown }).unknown;
    delete (older.connections as { unknown?: unknown }).unknown;
    expect(runRecordSchema.parse(older)).toMatchObject({
      hosts: [],
      messages: { unknown: null },
      connections: { unknown: null },
    });
  });

  it.each([
    ['another schema', (record: Record<string, unknown>) => ({ ...record, schema: 'c2m.run/2' })],
    ['a verdict that does not exist', (record: Record<string, unknown>) => ({ ...record, verdict: 'fine' })],
    ['a start that is no time', (record: Record<string, unknown>) => ({ ...record, startedAt: 'yesterday' })],
    ['a duration below zero', (record: Record<string, unknown>) => ({ ...record, durationSeconds: -1 })],
    ['no latency', ({ latency: _, ...rest }: Record<string, unknown>) => rest],
  ])('rejects a record with %s', (_name, spoil) => {
    const spoilt = spoil({ ...recordFixture().record });
    expect(validate(spoilt)).toBe(false);
    expect(runRecordSchema.safeParse(spoilt).success).toBe(false);
  });
});
