/**
 * Figures as people write them in a scenario: `30s`, `500/s`, `8KiB`, `33%`, `5_000`.
 * Each kind reads what it writes: `parse(format(n))` is `n`, for every `n` that a scenario can hold.
 */

/** A figure that could not be read; the message quotes it and says what would be right. */
export class UnitError extends Error {
  readonly code = 'C2M_UNIT';
}

export type QuantityKind = 'duration' | 'rate' | 'size' | 'share' | 'count';

interface Quantity {
  /** For messages: `"fast" is not a rate`. */
  noun: string;
  /** For messages: `write a number and a unit, such as 500/s`. */
  hint: string;
  /** Units and what they are in the kind's own unit; the first is the one to suggest for a bare number. */
  units: Record<string, number>;
  /** What the number is in once it is read. */
  base: string;
}

export const QUANTITIES: Record<QuantityKind, Quantity> = {
  duration: {
    noun: 'a duration',
    hint: 'write a number and a unit (us, ms, s, m, h), such as 30s',
    units: { s: 1000, us: 0.001, ms: 1, m: 60_000, h: 3_600_000 },
    base: 'milliseconds',
  },
  rate: {
    noun: 'a rate',
    hint: 'write a number and a unit, such as 500/s',
    units: { '/s': 1, '/m': 1 / 60, '/min': 1 / 60, '/h': 1 / 3600 },
    base: 'per second',
  },
  size: {
    noun: 'a size',
    hint: 'write a number and a unit (B, KB, KiB, MB, MiB, GB, GiB), such as 100B',
    units: {
      B: 1,
      kB: 1e3,
      KB: 1e3,
      KiB: 1024,
      MB: 1e6,
      MiB: 1024 ** 2,
      GB: 1e9,
      GiB: 1024 ** 3,
    },
    base: 'bytes',
  },
  share: {
    noun: 'a share',
    hint: 'write a percentage or a number from 0 to 1, such as 33% or 0.33',
    units: { '%': 0.01 },
    base: '0 to 1',
  },
  count: {
    noun: 'a count',
    hint: 'write a whole number, such as 5000 or 5_000',
    units: {},
    base: 'a whole number',
  },
};

const LONGEST_FIGURE = 100;

const NUMBER = String.raw`\d+(?:_\d+)*(?:\.\d+)?`;
const BARE = new RegExp(`^${NUMBER}$`);
const PART = new RegExp(`(${NUMBER})\\s*([A-Za-z%/µ]+)`, 'g');

/**
 * Reads a figure in the kind's own unit: milliseconds, per second, bytes, 0 to 1, a count.
 * @param value as YAML hands it over: a string, or a number where no unit was written
 * @param likelyUnit what to suggest where the unit is missing
 * @throws UnitError
 */
export function parseQuantity(kind: QuantityKind, value: unknown, likelyUnit?: string): number {
  // Nothing that long is a figure, and looking for its parts would take long too.
  if (typeof value === 'string' && value.length > LONGEST_FIGURE) throw notA(kind, value);
  const number = kind === 'count' ? parseCount(value) : parseMeasure(kind, value, likelyUnit);
  if (kind === 'share' && number > 1) {
    throw new UnitError(`${quote(value)} is more than everything; ${QUANTITIES.share.hint}`);
  }
  return number;
}

/** Writes a figure in the largest unit that keeps it whole: 90000 ms -> `1m30s`, 16384 bytes -> `16KiB`. */
export function formatQuantity(kind: QuantityKind, value: number): string {
  switch (kind) {
    case 'duration':
      return formatDuration(value);
    case 'rate':
      return `${value}/s`;
    case 'size':
      return formatSize(value);
    case 'share':
      return `${Number((value * 100).toFixed(10))}%`;
    case 'count':
      return String(value);
  }
}

function parseCount(value: unknown): number {
  // A map from YAML may have a key named toString, and then no text of its own.
  if (typeof value !== 'string' && typeof value !== 'number') throw notA('count', value);
  const text = String(value).trim();
  const number = Number(text.replaceAll('_', ''));
  const isWritten = typeof value === 'number' || BARE.test(text);
  if (!isWritten || !Number.isSafeInteger(number) || number < 0) throw notA('count', value);
  return number;
}

function parseMeasure(kind: QuantityKind, value: unknown, likelyUnit?: string): number {
  // Nothing is nothing in every unit.
  if (value === 0 || value === '0') return 0;
  if (typeof value === 'number' && kind === 'share' && value >= 0) return value;
  if (typeof value !== 'number' && typeof value !== 'string') throw notA(kind, value);
  const text = String(value).trim();
  if (BARE.test(text)) {
    if (kind === 'share') return Number(text.replaceAll('_', ''));
    const suggested = likelyUnit ?? Object.keys(QUANTITIES[kind].units)[0];
    throw new UnitError(`${text} has no unit; write ${text}${suggested} if that is what you mean`);
  }
  return sumOfParts(kind, text, value);
}

/** `30s`, and for durations also `1m30s`. */
function sumOfParts(kind: QuantityKind, text: string, value: unknown): number {
  const { units } = QUANTITIES[kind];
  const parts = [...text.matchAll(PART)];
  const isWhole = parts.map(([part]) => part).join('') === text.replaceAll(/\s+(?=\d)/g, '');
  if (parts.length === 0 || !isWhole || (kind !== 'duration' && parts.length > 1)) throw notA(kind, value);
  let sum = 0;
  for (const [, number = '', unit = ''] of parts) {
    const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
    if (factor === undefined) throw notA(kind, value);
    // Dividing where the factor is 1/n keeps 30/m exact, and 33% too.
    const amount = Number(number.replaceAll('_', ''));
    sum += factor < 1 ? amount / Math.round(1 / factor) : amount * factor;
  }
  return sum;
}

function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (!Number.isInteger(ms)) return `${ms * 1000}us`;
  if (ms < 1000 || ms % 1000 !== 0) return `${ms}ms`;
  const [hours, minutes, seconds] = [
    Math.floor(ms / 3_600_000),
    Math.floor((ms % 3_600_000) / 60_000),
    (ms % 60_000) / 1000,
  ];
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}${seconds > 0 ? `${seconds}s` : ''}`;
}

function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    const factor = QUANTITIES.size.units[unit] as number;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

function notA(kind: QuantityKind, value: unknown): UnitError {
  const { noun, hint } = QUANTITIES[kind];
  return new UnitError(`${quote(value)} is not ${noun}; ${hint}`);
}

/** A value as it may stand in a message: short, strings in quotes. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
