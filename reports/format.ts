import type { Unit } from '../record/metrics.js';

/**
 * Figures as people read them. Everything that shows a number goes through here, in the terminal, in
 * Markdown and (inlined into report.html) in the browser, so that one figure reads the same everywhere.
 */

/** Stands where nothing was measured. */
export const NOT_MEASURED = '–';

/** `1234567.8` -> `1,234,568`; below 100 up to two digits behind the point: `12.35`. */
export function formatCount(value: number): string {
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return grouped(value, digits);
}

/** A number of any size: below a hundredth three significant digits, `0.00123`; else as `formatCount`. */
export function formatNumber(value: number): string {
  const isTiny = value !== 0 && Math.abs(value) < 0.01;
  return isTiny ? String(Number(value.toPrecision(3))) : formatCount(value);
}

/** Milliseconds in the unit that leaves three significant digits: `850 µs`, `12.3 ms`, `4.21 s`. */
export function formatMilliseconds(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return '0 ms';
  if (size < 0.9995) return `${trimmed(ms * 1000, size < 0.00995 ? 1 : 0)} µs`;
  if (size < 999.5) return `${trimmed(ms, significantDigits(size))} ms`;
  return formatSeconds(ms / 1000);
}

/** `4.21 s`, `42.1 s`, and from two minutes on `3 min 20 s`. */
export function formatSeconds(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 119.95) return `${trimmed(seconds, significantDigits(Math.max(size, 1)))} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  return rest > 0 ? `${minutes} min ${rest} s` : `${minutes} min`;
}

const BYTE_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `312 bytes`, `8.42 KiB`, `1.5 GiB`: powers of 1024, as memory is counted. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (Math.abs(value) >= 1023.5 && power < BYTE_UNITS.length - 1) {
    value /= 1024;
    power += 1;
  }
  return `${power === 0 ? grouped(value, 0) : trimmed(value, significantDigits(Math.abs(value)))} ${BYTE_UNITS[power]}`;
}

/** `0.0123` -> `1.23 %`. */
export function formatRatio(ratio: number): string {
  const percent = ratio * 100;
  return `${trimmed(percent, significantDigits(Math.abs(percent)))} %`;
}

/** A change against a base: `+12.5 %`, `−3.1 %`, `±0 %`. */
export function formatChange(ratio: number): string {
  const percent = Math.round(ratio * 1000) / 10;
  if (percent === 0) return '±0 %';
  return `${percent > 0 ? '+' : '−'}${grouped(Math.abs(percent), Math.abs(percent) >= 100 ? 0 : 1)} %`;
}

/** `value` with its unit; the dash where there is none. */
export function formatFigure(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return NOT_MEASURED;
  switch (unit) {
    case 'ms':
      return formatMilliseconds(value);
    case 'us':
      return formatMilliseconds(value / 1000);
    case 'seconds':
      return formatSeconds(value);
    case 'bytes':
      return formatBytes(value);
    case 'ratio':
      return formatRatio(value);
    case 'perSecond':
      return `${formatCount(value)}/s`;
    case 'cores':
      return `${trimmed(value, 2)} ${value === 1 ? 'core' : 'cores'}`;
    case 'count':
      return formatCount(value);
    case 'number':
      return formatNumber(value);
  }
}

/** For the ticks of an axis, where room is short: `12k`, `1.5M`. */
export function formatCompact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trimmed(value / 1e9, 1)}G`;
  if (size >= 1e6) return `${trimmed(value / 1e6, 1)}M`;
  if (size >= 1e4) return `${trimmed(value / 1e3, 1)}k`;
  return trimmed(value, 2);
}

/** A moment of the run: `8 s`, `8.5 s`, and from two minutes on `3:20`. */
export function formatMoment(seconds: number): string {
  if (seconds < 120) return `${trimmed(seconds, 1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const tail = `${String(rest).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

/** `1 message`, `2 messages`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Digits behind the point that leave three significant ones. */
function significantDigits(size: number): number {
  return size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
}

function trimmed(value: number, digits: number): string {
  return grouped(Number(value.toFixed(digits)), digits);
}

/** Not toLocaleString: reports are the same whatever the locale of the machine that renders them. */
function grouped(value: number, digits: number): string {
  const fixed = value.toFixed(digits);
  const [whole = '0', fraction = ''] = fixed.split('.');
  const withSeparators = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const shortFraction = fraction.replace(/0+$/, '');
  return shortFraction ? `${withSeparators}.${shortFraction}` : withSeparators;
}
