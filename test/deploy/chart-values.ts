import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface Values {
  config: { merge: object };
  container: { env: Record<string, unknown> };
}

/**
 * What the chart nats/nats makes of `config.merge`: JSON, in which texts between << and >> stand without quotes, so that
 * nats-server takes them for variables and units.
 */
export function natsConfigOf(file: string): { config: string; variables: string[] } {
  const { config, container } = parse(readFileSync(file, 'utf8')) as Values;
  return {
    config: JSON.stringify(config.merge, null, 2).replaceAll(/"<< ([^">]+) >>"/g, '$1'),
    variables: Object.keys(container.env),
  };
}
