import { z } from 'zod';
import { METRICS, type Unit } from '../record/metrics.js';
import { QUANTITIES, type QuantityKind } from '../record/quantity.js';
import { scenarioSchema } from './schema.js';
import type { ZodNode } from './zod-node.js';

/** The generated part of docs/scenario.md: every key and every metric, from the schemas themselves. */
export function scenarioReference(): string {
  const schema = z.toJSONSchema(scenarioSchema, { io: 'input', unrepresentable: 'any' }) as ZodNode;
  return [
    '### Keys',
    keyTables(schema),
    '### Units',
    unitTable(),
    '### Metrics of a gate',
    metricTable(),
  ].join('\n\n');
}

/** One table for the top of the file and one for each section in it. */
function keyTables(root: ZodNode): string {
  const tables: string[] = [];
  const visit = (schema: ZodNode, path: string): void => {
    const rows = Object.entries(schema.properties ?? {}).map(([key, inner]) => {
      const isRequired = inner.isRequired || (schema.required?.includes(key) && inner.default === undefined);
      return [
        `\`${key}\``,
        valueWords(inner),
        isRequired ? '**required**' : defaultWords(inner),
        inner.description ?? '',
      ];
    });
    const title = path === '' ? '' : `#### \`${path}\`\n\n`;
    tables.push(`${title}${table(['Key', 'Value', 'Default', 'Meaning'], rows)}`);
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      const here = path === '' ? key : `${path}.${key}`;
      if (inner.properties) visit(inner, here);
      const items = itemsOf(inner);
      if (items?.properties) visit(items, `${here}[]`);
    }
  };
  visit(root, '');
  return tables.join('\n\n');
}

function valueWords(schema: ZodNode): string {
  if (schema.shape) return schema.shape;
  if (schema.quantity) return schema.quantity;
  if (schema.enum) return schema.enum.map((word) => `\`${word}\``).join(', ');
  if (schema.properties) return 'keys';
  if (schema.items) return itemsOf(schema)?.properties ? 'list of keys' : 'list of texts';
  return schema.type === 'string' ? 'text' : (schema.type ?? '');
}

/** Undefined: there are none, or each is of its own kind. */
function itemsOf({ items }: ZodNode): ZodNode | undefined {
  return Array.isArray(items) ? undefined : items;
}

function defaultWords({ default: value, fallback }: ZodNode): string {
  if (fallback) return `\`${fallback}\``;
  if (value === undefined || value === '' || (typeof value === 'object' && value !== null)) return '';
  return `\`${value}\``;
}

function unitTable(): string {
  const examples: Record<QuantityKind, string> = {
    duration: '`500ms`, `30s`, `1m30s`',
    rate: '`500/s`, `30/m`',
    size: '`100B`, `8KiB`, `1MB`',
    share: '`33%`, `0.33`',
    count: '`5000`, `5_000`',
  };
  const rows = (Object.keys(QUANTITIES) as QuantityKind[]).map((kind) => [
    kind,
    examples[kind],
    Object.keys(QUANTITIES[kind].units)
      .map((unit) => `\`${unit}\``)
      .join(', '),
  ]);
  return table(['Value', 'Written as', 'Units'], rows);
}

const LIMIT_WORDS: Record<Unit, string> = {
  ms: 'duration, such as `250ms`',
  us: 'duration, such as `20us`',
  seconds: 'duration, such as `60s`',
  bytes: 'size, such as `16KiB`',
  perSecond: 'rate, such as `2000/s`; `/s` may be left out',
  count: 'count, such as `5000`',
  ratio: 'share, such as `1%`',
  cores: 'number, such as `1.5`',
  number: 'number, in the unit of the series, such as `0.5`',
};

/** Metrics of one parent that mean the same share a row: `latency.delivered.` p50, p99 … */
function metricTable(): string {
  const rows = new Map<string, string[]>();
  for (const { path, unit, meaning } of METRICS) {
    const parent = path.slice(0, path.lastIndexOf('.') + 1);
    const row = rows.get(`${parent} ${meaning}`);
    const name = `\`${path.slice(parent.length)}\``;
    if (row) row[1] += `, ${name}`;
    else rows.set(`${parent} ${meaning}`, [parent && `\`${parent}…\``, name, meaning, LIMIT_WORDS[unit]]);
  }
  return table(['Metric', '', 'Meaning', 'Compared with'], [...rows.values()]);
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
