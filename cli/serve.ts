import chalk from 'chalk';
import { Command } from 'commander';
import { formatAddress } from '../protocol/address.js';
import { InputError } from '../record/input-error.js';
import { parseServerConfig, type ServerConfig, type ServerConfigInput } from '../server/config.js';
import { type RunningServer, startServer } from '../server/server.js';
import { type ClusterFlags, clusterOptions, withCluster } from './cluster-options.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { readSecretFile, readYamlFile } from './input-files.js';
import { listenForInterrupts } from './interrupts.js';
import { collect } from './repeatable-option.js';

interface ServeOptions extends ClusterFlags {
  config?: string;
  listen?: string[];
  workers?: string;
  store?: string;
  data?: string;
  media?: string;
  admin?: string;
  tokenFile?: string;
  logLevel?: string;
}

export function serveCommand(finish: Finish): Command {
  const command = new Command('serve')
    .description(
      'Runs the reference messaging server until SIGINT or SIGTERM, which drain it. A process of it that dies or hangs is started again on the same address (supervised: false in the file: everything in one process, and nothing is).',
    )
    .option('--config <file>', 'YAML or JSON file; what is given here on the command line wins')
    .option('--listen <address>', 'protocol://host:port with tcp, tls, ws or wss; may be repeated', collect)
    .option('--workers <n>', 'worker processes')
    .option('--store <kind>', 'where mailboxes are kept: lmdb (on disk) or memory')
    .option('--data <dir>', 'folder of the mailboxes in lmdb (default: c2m-data)')
    .option('--media <url>', 'address of the media port, such as http://127.0.0.1:9465 (default: none)')
    .option('--admin <url>', 'address of the admin port, or "off"')
    .option('--token-file <file>', 'file with the token that clients must present')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent');
  return clusterOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  c2m serve
  c2m serve --store memory
  c2m serve --data /var/lib/c2m --media http://127.0.0.1:9465
  c2m serve --listen tcp://127.0.0.1:4000 --listen ws://127.0.0.1:4080 --workers 2
  c2m serve --listen tls://0.0.0.0:4443 --token-file token.txt --admin http://127.0.0.1:9464
  c2m serve --cluster nats://10.0.0.5:4222 --node node-1 --listen tcp://10.0.0.1:4000 --token-file token.txt
  c2m serve --cluster tls://n1:4222,tls://n2:4222,tls://n3:4222 --nats-creds cluster.creds --config server.yaml
  C2M_NATS_TOKEN=… c2m serve --cluster nats://127.0.0.1:4222 --cluster-name trial --homes 16 --replicas 1
`,
    )
    .action(async (options: ServeOptions) => {
      const config = { supervised: true, ...(await readConfig(options)) };
      finish(await serve(parseServerConfig(config)));
    });
}

async function serve(config: ServerConfig): Promise<ExitStatus> {
  const interrupts = listenForInterrupts();
  const server = await startServer(config);
  process.stdout.write(describeServer(server, config));
  process.on('SIGHUP', () => {
    // The log tells of it, whatever comes of it.
    server.reload().catch(() => undefined);
  });
  const asked = new Promise<void>((resolve) => interrupts.onRequest(resolve));
  try {
    await Promise.race([asked, server.left, server.failed]);
  } finally {
    await server.close();
    interrupts.release();
  }
  return ExitStatus.Passed;
}

function describeServer({ addresses, adminUrl, mediaUrl }: RunningServer, config: ServerConfig): string {
  const lines = addresses.map((address) => `${chalk.dim('listening')}  ${formatAddress(address)}`);
  lines.push(`${chalk.dim('mailboxes')}  ${describeStore(config)}`);
  if (adminUrl) lines.push(`${chalk.dim('admin    ')}  ${adminUrl}  (/healthz, /metrics, /stats, /reload)`);
  if (mediaUrl) lines.push(`${chalk.dim('media    ')}  ${mediaUrl}/media/`);
  return `${lines.join('\n')}\n`;
}

function describeStore({ store, lmdb, cluster }: ServerConfig): string {
  if (cluster)
    return `in ${cluster.homes} homes of the cluster ${cluster.name}, where this is ${cluster.node}; NATS keeps ${cluster.replicas} of each log`;
  return store === 'lmdb' ? `on disk, in ${lmdb.folder}` : 'in memory: gone with the server';
}

/** The file, if any, with the flags over it; the server's own schema checks the result. */
async function readConfig(options: ServeOptions): Promise<ServerConfigInput> {
  const config = options.config ? await readConfigFile(options.config) : {};
  if (options.listen) config.listen = options.listen;
  if (options.workers !== undefined) config.workers = Number(options.workers);
  if (options.store !== undefined) config.store = options.store;
  if (options.data !== undefined)
    config.lmdb = { ...(config.lmdb as object | undefined), folder: options.data };
  if (options.media !== undefined) {
    config.media = { ...(config.media as object | undefined), ...readHttpAddress('--media', options.media) };
  }
  if (options.logLevel !== undefined) config.logLevel = options.logLevel;
  if (options.admin !== undefined)
    config.admin = options.admin === 'off' ? null : readHttpAddress('--admin', options.admin);
  if (options.tokenFile !== undefined) config.token = await readSecretFile(options.tokenFile);
  return withCluster(config, options) as ServerConfigInput;
}

async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  const config = (await readYamlFile(file)) ?? {};
  if (typeof config === 'object' && !Array.isArray(config)) return config as Record<string, unknown>;
  throw new InputError(`${file} must be a map of settings, such as {workers: 2}`);
}

function readHttpAddress(flag: string, text: string): { host: string; port: number } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:') {
    const orOff = flag === '--admin' ? ', or off' : '';
    throw new InputError(`${flag}: "${text}" is not an address; write http://127.0.0.1:9464${orOff}`);
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) };
}
