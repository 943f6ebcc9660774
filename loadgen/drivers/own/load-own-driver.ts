import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OwnSettings } from '../../../scenarios/drivers/own-schema.js';
import { RunError } from '../../run-error.js';
import type { Driver } from '../driver.js';
import { adapterDriver } from './adapter-driver.js';
import { codecDriver } from './codec-driver.js';

/**
 * The driver in a file of somebody's own: a codec (`driver`), or an adapter around a client library (`connect`).
 * @throws RunError `C2M_INPUT` that names the file and what is wrong with it
 */
export async function loadOwnDriver(settings: unknown): Promise<Driver> {
  const { file, settings: told } = settings as OwnSettings;
  const module = await load(file);
  const name = basename(file).replace(/\.[cm]?js$/, '');
  try {
    if (module.driver !== undefined) return codecDriver(module.driver, name, told);
    if (module.connect !== undefined) return adapterDriver(module, name, told);
    throw new Error('it exports neither driver nor connect');
  } catch (error) {
    throw new RunError('C2M_INPUT', `target.driver: ${file}: ${(error as Error).message}`);
  }
}

/** What it exports; of a CommonJS file, all of that is the default. */
async function load(file: string): Promise<Record<string, unknown>> {
  try {
    const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    const inner = module.default;
    return typeof inner === 'object' && inner !== null ? { ...inner, ...module } : module;
  } catch (error) {
    throw new RunError('C2M_INPUT', `target.driver: ${file} cannot be loaded: ${String(error)}`);
  }
}
