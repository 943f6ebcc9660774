import { resolve } from 'node:path';
import { expandCommand } from './command-schema.js';
import { expandDriver } from './driver-schema.js';
import { mapOf } from './raw-scenario.js';
import { expandTarget } from './target-schema.js';

/** The content of a file with the files and folders that it names as whole paths, for a scenario in another folder. */
export function withWholePaths(content: unknown, folder: string): unknown {
  const { target, actions, matrix, ...rest } = mapOf(content);
  return {
    ...rest,
    ...(matrix !== undefined && { matrix: matrixFrom(matrix, folder) }),
    ...(target !== undefined && { target: targetFrom(target, folder) }),
    ...(actions !== undefined && {
      actions: Array.isArray(actions) ? actions.map((each) => handlersFrom(each, folder)) : actions,
    }),
  };
}

/** What a value of a matrix sets, by the path of `--set`. */
const SET: Record<string, (value: unknown, folder: string) => unknown> = {
  target: targetFrom,
  'target.driver': driverFrom,
  'target.embedded': embeddedFrom,
  'target.embedded.settings': handlersFrom,
  'target.embedded.settings.handlers': pathFrom,
  'target.tls': tlsFrom,
  'target.tls.caFile': pathFrom,
  'target.tls.certFile': pathFrom,
  'target.tls.keyFile': pathFrom,
  'target.command': commandFrom,
  'target.command.cwd': pathFrom,
  'target.driver.own': fileFrom,
  'target.driver.own.file': pathFrom,
  'target.driver.nats': natsFrom,
  'target.driver.nats.credentialsFile': pathFrom,
};

/** `server: {mine: {target: …}}`; lists are of plain values, which may be paths where the axis is one of those. */
function matrixFrom(matrix: unknown, folder: string): unknown {
  if (mapOf(matrix) !== matrix) return matrix;
  const changed = ([path, value]: [string, unknown]): [string, unknown] => [
    path,
    (SET[path] ?? ((same) => same))(value, folder),
  ];
  return Object.fromEntries(
    Object.entries(mapOf(matrix)).map(([axis, values]) => [
      axis,
      Array.isArray(values)
        ? values.map((value) => changed([axis, value])[1])
        : Object.fromEntries(
            Object.entries(mapOf(values)).map(([name, set]) => [
              name,
              mapOf(set) === set ? Object.fromEntries(Object.entries(mapOf(set)).map(changed)) : set,
            ]),
          ),
    ]),
  );
}

function targetFrom(target: unknown, folder: string): unknown {
  const keys = expandTarget(target);
  if (typeof keys !== 'object' || keys === null) return target;
  const { driver, embedded, command, tls, ...rest } = mapOf(keys);
  return {
    ...rest,
    ...(driver !== undefined && { driver: driverFrom(driver, folder) }),
    ...(embedded !== undefined && { embedded: embeddedFrom(embedded, folder) }),
    ...(command !== undefined && { command: commandFrom(command, folder) }),
    ...(tls !== undefined && { tls: tlsFrom(tls, folder) }),
  };
}

function driverFrom(driver: unknown, folder: string): unknown {
  const drivers = mapOf(expandDriver(driver));
  if (drivers.own !== undefined) return { ...drivers, own: fileFrom(drivers.own, folder) };
  return drivers.nats === undefined ? driver : { ...drivers, nats: natsFrom(drivers.nats, folder) };
}

/** The same files of `target.tls` by their whole paths, whether it was checked or not. */
export function tlsFrom<Tls>(tls: Tls, folder: string): Tls {
  if (mapOf(tls) !== tls) return tls;
  const whole = ([key, value]: [string, unknown]) => [
    key,
    key.endsWith('File') ? pathFrom(value, folder) : value,
  ];
  return Object.fromEntries(Object.entries(mapOf(tls)).map((each) => whole(each))) as Tls;
}

function natsFrom(nats: unknown, folder: string): unknown {
  const { credentialsFile: file } = mapOf(nats);
  return typeof file === 'string' ? { ...mapOf(nats), credentialsFile: resolve(folder, file) } : nats;
}

function fileFrom(own: unknown, folder: string): unknown {
  const { file } = mapOf(own);
  return typeof file === 'string' ? { ...mapOf(own), file: resolve(folder, file) } : own;
}

function pathFrom(path: unknown, folder: string): unknown {
  return typeof path === 'string' ? resolve(folder, path) : path;
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
