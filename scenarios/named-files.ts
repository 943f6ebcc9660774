import { resolve } from 'node:path';
import { expandCommand } from './command-schema.js';
import { expandDriver } from './driver-schema.js';
import { mapOf } from './raw-scenario.js';
import { expandTarget } from './target-schema.js';

/** The content of a file with the files and folders that it names as whole paths, for a scenario in another folder. */
export function withWholePaths(content: unknown, folder: string): unknown {
  const { target, actions, ...rest } = mapOf(content);
  return {
    ...rest,
    ...(target !== undefined && { target: targetFrom(target, folder) }),
    ...(actions !== undefined && {
      actions: Array.isArray(actions) ? actions.map((each) => handlersFrom(each, folder)) : actions,
    }),
  };
}

function targetFrom(target: unknown, folder: string): unknown {
  const keys = expandTarget(target);
  if (typeof keys !== 'object' || keys === null) return target;
  const { driver, embedded, command, ...rest } = mapOf(keys);
  return {
    ...rest,
    ...(driver !== undefined && { driver: driverFrom(driver, folder) }),
    ...(embedded !== undefined && { embedded: embeddedFrom(embedded, folder) }),
    ...(command !== undefined && { command: commandFrom(command, folder) }),
  };
}

function driverFrom(driver: unknown, folder: string): unknown {
  const drivers = mapOf(expandDriver(driver));
  const { file } = mapOf(drivers.own);
  return typeof file === 'string'
    ? { ...drivers, own: { ...mapOf(drivers.own), file: resolve(folder, file) } }
    : driver;
}

function embeddedFrom(embedded: unknown, folder: string): unknown {
  const { settings } = mapOf(embedded);
  return settings === undefined ? embedded : { ...mapOf(embedded), settings: handlersFrom(settings, folder) };
}

/** Without `cwd` it runs in the folder of the file that says what is run. */
function commandFrom(command: unknown, folder: string): unknown {
  const { run, cwd, ...rest } = mapOf(expandCommand(command));
  if (cwd === undefined && run === undefined) return command;
  return { ...rest, ...(run !== undefined && { run }), cwd: resolve(folder, String(cwd ?? '.')) };
}

function handlersFrom(value: unknown, folder: string): unknown {
  const { handlers } = mapOf(value);
  return typeof handlers === 'string' ? { ...mapOf(value), handlers: resolve(folder, handlers) } : value;
}
