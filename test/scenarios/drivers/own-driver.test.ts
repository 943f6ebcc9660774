import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadScenario, parseScenario } from '../../../scenarios/load.js';
import { testFolder } from '../../support/folder.js';

const scenario = (driver: string): string => `name: chat
target:
  addresses: [tcp://127.0.0.1:4000]
  driver: ${driver}
clients: { count: 10 }
phases: [{ name: talk, duration: 10s }]
`;

const driverOf = (driver: string, overrides: string[] = []) => {
  const { target } = parseScenario(scenario(driver), 'chat.yaml', overrides);
  return target.kind === 'external' ? target.driver : undefined;
};

async function inFolder(driver: string): Promise<{ folder: string; file: string }> {
  const folder = testFolder();
  await writeFile(join(folder, 'mine.js'), '');
  const file = join(folder, 'chat.yaml');
  await writeFile(file, scenario(driver));
  return { folder, file };
}

describe("a driver of the scenario's own", () => {
  test('is a path, which is short for its file alone', () => {
    const expected = { name: 'own', settings: { file: './mine.js', settings: {} } };
    expect(driverOf('./mine.js')).toEqual(expected);
    expect(driverOf('{ own: { file: ./mine.js } }')).toEqual(expected);
    expect(driverOf('mine.mjs')).toMatchObject({ settings: { file: 'mine.mjs' } });
    expect(
      driverOf('{ own: { file: a.js, settings: { room: 7 } } }', ['target.driver.own.settings.room=8']),
    ).toEqual({ name: 'own', settings: { file: 'a.js', settings: { room: 8 } } });
  });

  test.each([
    ['mine.ts', 'must be a file of JavaScript'],
    ['{ own: {} }', 'must be the path of a file'],
    ['{ own: { file: a.js, room: 7 } }', 'target.driver.own.room: is not a known key'],
    ['{ own: { file: a.js }, c2m: {} }', 'must be exactly one of c2m'],
  ])('is refused where it is none: %s', (driver, words) => {
    expect(() => driverOf(driver)).toThrow(words);
  });

  test.each(['./mine.js', '{ own: { file: ./mine.js } }'])(
    'is loaded for whoever trusts it only, and from beside the scenario: %s',
    async (driver) => {
      const { file, folder } = await inFolder(driver);
      await expect(loadScenario(file)).rejects.toThrow(
        /chat\.yaml:4 target\.driver\S*: runs the code in "\.\/mine\.js"/,
      );
      await expect(loadScenario(file, [], { isOnlyPlanned: true })).rejects.toThrow('runs the code in');
      const { target } = (await loadScenario(file, [], { isTrusted: true })).scenario;
      expect(target).toMatchObject({ driver: { settings: { file: join(folder, 'mine.js') } } });
    },
  );

  test('that is not there is told with its line', async () => {
    const { file } = await inFolder('./gone.js');
    await expect(loadScenario(file, [], { isTrusted: true })).rejects.toThrow(
      /chat\.yaml:4 target\.driver: .*gone\.js is no file; write a path from the scenario’s folder/,
    );
  });
});
