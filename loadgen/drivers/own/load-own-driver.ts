import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OwnSettings } from '../../../scenarios/drivers/own-schema.js';
import { RunError } from '../../run-error.js';
import type { Driver } from '../driver.js';
import { adapterDriver } from './adapter-driver.js';
import { codecDriver } from './codec-driver.js';
import { faultWords, isMistake, placeOf, thrownWords } from './own-fault.js';
import { syntaxPlace } from './syntax-place.js';

type Exports = Record<string, unknown>;

/**
 * The driver in a file of somebody's own: a codec (it has `create`) or an adapter around a client library (`connect`). It is
 * what the file exports as `driver`, or as its default, or what it exports in all.
 * @throws RunError `C2M_INPUT` that names the file and what is wrong with it
 */
export async function loadOwnDriver(settings: unknown): Promise<Driver> {
  const { file, settings: told } = settings as OwnSettings;
  const module = await load(file);
  const name = basename(file).replace(/\.[cm]?js$/, '');
  try {
    const driver = driverIn(module);
    return isAdapter(driver) ? adapterDriver(driver, file, told) : codecDriver(driver, name, told);
  } catch (error) {
    // What its settings refuse on purpose is about the scenario, and not about the file.
    if (isMistake(error)) throw new RunError('C2M_INPUT', faultWords(error, file));
    throw new RunError('C2M_INPUT', `target.driver: ${file}: ${(error as Error).message}`);
  }
}

function driverIn(module: Exports): unknown {
  // Of a CommonJS file, all that it exports is the default.
  const inner = isObject(module.default) ? module.default : {};
  const driver = module.driver ?? inner.driver;
  if (driver !== undefined) return driver;
  const found = [inner, module].find((each) => isAdapter(each) || each.create !== undefined);
  if (!found) throw new Error('it exports neither driver nor connect');
  return found;
}

function isAdapter(value: unknown): value is Exports & { connect: unknown } {
  return isObject(value) && value.connect !== undefined;
}

function isObject(value: unknown): value is Exports {
  return typeof value === 'object' && value !== null;
}

async function load(file: string): Promise<Exports> {
  try {
    return (await import(pathToFileURL(file).href)) as Exports;
  } catch (error) {
    throw new RunError('C2M_INPUT', await whyNotLoaded(error, file));
  }
}

/** Of a module Node does not say where its syntax is wrong; of an import that leads nowhere its words name the file. */
async function whyNotLoaded(error: unknown, file: string): Promise<string> {
  const at = error instanceof SyntaxError ? await syntaxPlace(error, file) : placeOf(error, file);
  return `target.driver: ${file} cannot be loaded: ${at === undefined ? '' : `${at}: `}${thrownWords(error)}`;
}
