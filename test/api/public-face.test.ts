import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as api from '../../api/index.js';

const FILES = readdirSync('api').filter((file) => file.endsWith('.ts'));

/** Errors that stay within c2m: whoever gets them makes others of them. */
const INTERNAL = [
  'C2M_BUS_VERSION',
  'C2M_COMMAND_LINE',
  'C2M_FENCED',
  'C2M_LOG_RECORD',
  'C2M_MEDIA_DAMAGED',
  'C2M_STORE_FAILURE',
  'C2M_UNANSWERED',
  'C2M_UNIT',
  'C2M_WORKER_ENDED',
  'C2M_YAML',
];

test('the public face is what it says', () => {
  expect(Object.keys(api).sort()).toEqual([
    'ERROR_CODES',
    'compare',
    'defineDriver',
    'isC2mError',
    'readRecord',
    'runScenario',
    'startServer',
  ]);
});

test('importing it loads nothing else: what a function needs comes when it is called', () => {
  const loaded = FILES.flatMap((file) => {
    const text = readFileSync(`api/${file}`, 'utf8');
    return [...text.matchAll(/^(?:import|export) (?!type )[^;]*? from '([^']+)'/gms)].map(([, from]) => from);
  });
  expect(loaded.filter((from) => !/^(node:|\.\/)/.test(from as string))).toEqual([]);
});

test('every code of an error is told, or stays within c2m', () => {
  const { stdout } = spawnSync(
    'git',
    ['grep', '--untracked', '-hE', '^  readonly code\\b.*C2M_', '--', '*.ts'],
    {
      encoding: 'utf8',
    },
  );
  const codes = new Set(stdout.match(/C2M_\w+/g));
  expect(codes.size).toBeGreaterThan(10);
  expect([...codes].filter((code) => !INTERNAL.includes(code)).sort()).toEqual(
    Object.keys(api.ERROR_CODES).sort(),
  );
});

test('a driver is handed back as it is', () => {
  const codec = {
    create: () => ({ opened: () => undefined, received: () => 0, writeMessage: () => undefined }),
  };
  expect(api.defineDriver(codec)).toBe(codec);
});

test('an error of somebody else is none of c2m', () => {
  expect(api.isC2mError(new Error('no'))).toBe(false);
  expect(api.isC2mError(Object.assign(new Error('no'), { code: 'ENOENT' }))).toBe(false);
  expect(api.isC2mError({ code: 'C2M_RUN' })).toBe(false);
  expect(api.isC2mError(Object.assign(new Error('no'), { code: 'C2M_RUN' }))).toBe(true);
});
