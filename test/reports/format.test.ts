import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatChange,
  formatCompact,
  formatCount,
  formatFigure,
  formatMilliseconds,
  formatMoment,
  formatSeconds,
  plural,
} from '../../reports/format.js';

describe('figures for people', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [2_288_500, '2,288,500'],
    [2082.4, '2,082'],
    [12.345, '12.3'],
    [1.5, '1.5'],
    [-1234, '-1,234'],
  ])('counts %d as %s', (value, text) => expect(formatCount(value)).toBe(text));

  it.each([
    [0, '0 ms'],
    [0.0005, '0.5 µs'],
    [0.85, '850 µs'],
    [0.9999, '1 ms'],
    [1, '1 ms'],
    [3.814, '3.81 ms'],
    [99.96, '100 ms'],
    [250, '250 ms'],
    [999.6, '1 s'],
    [4210, '4.21 s'],
    [150_000, '2 min 30 s'],
  ])('writes %d milliseconds as %s', (value, text) => expect(formatMilliseconds(value)).toBe(text));

  it.each([
    [0.4, '0.4 s'],
    [31.1, '31.1 s'],
    [119.96, '2 min'],
    [200, '3 min 20 s'],
    [3600, '1 h'],
    [5400, '1 h 30 min'],
  ])('writes %d seconds as %s', (value, text) => expect(formatSeconds(value)).toBe(text));

  it.each([
    [0, '0 bytes'],
    [312, '312 bytes'],
    [1023.7, '1 KiB'],
    [14_502, '14.2 KiB'],
    [16_384, '16 KiB'],
    [25_282_543_616, '23.5 GiB'],
  ])('writes %d bytes as %s', (value, text) => expect(formatBytes(value)).toBe(text));

  it('writes a change with its sign', () => {
    expect([0.125, -0.031, 0, 0.0001, 12].map(formatChange)).toEqual([
      '+12.5 %',
      '−3.1 %',
      '±0 %',
      '±0 %',
      '+1,200 %',
    ]);
  });

  it('gives a value the unit of its figure, and a dash where there is none', () => {
    expect(formatFigure(2082.4, 'perSecond')).toBe('2,082/s');
    expect(formatFigure(0.5, 'cores')).toBe('0.5 cores');
    expect(formatFigure(0.015, 'ratio')).toBe('1.5 %');
    expect(formatFigure(null, 'ms')).toBe('–');
  });

  it('is short on an axis', () => {
    expect([0.25, 5000, 12_000, 1_500_000].map(formatCompact)).toEqual(['0.25', '5,000', '12k', '1.5M']);
    expect([8.5, 125, 3725].map(formatMoment)).toEqual(['8.5 s', '2:05', '1:02:05']);
  });

  it('knows one from many', () => {
    expect([plural(1, 'gate'), plural(5000, 'connection')]).toEqual(['1 gate', '5,000 connections']);
  });
});
