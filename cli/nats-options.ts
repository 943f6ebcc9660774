import { type Command, Option } from 'commander';
import type { NatsOptions } from '../nats/connect.js';
import { InputError } from '../record/input-error.js';

/** What commander makes of the options below. */
export interface NatsFlags {
  nats?: string;
  natsUser?: string;
  natsPassword?: string;
  natsToken?: string;
  natsCreds?: string;
  natsNkey?: string;
  natsCa?: string;
  natsCert?: string;
  natsKey?: string;
}

/** Flag, variable, and what it says. */
const WHO_AND_HOW: readonly [flag: string, variable: string, description: string][] = [
  ['--nats-user <name>', 'C2M_NATS_USER', 'user of NATS'],
  ['--nats-password <password>', 'C2M_NATS_PASSWORD', 'its password; the variable is seen by fewer'],
  ['--nats-token <token>', 'C2M_NATS_TOKEN', 'token of NATS; the variable is seen by fewer'],
  ['--nats-creds <file>', 'C2M_NATS_CREDS', 'credentials file of a user (JWT and seed)'],
  ['--nats-nkey <file>', 'C2M_NATS_NKEY', 'file with the NKEY seed of a user'],
  ['--nats-ca <file>', 'C2M_NATS_CA', 'certificate that signed that of the NATS server'],
  ['--nats-cert <file>', 'C2M_NATS_CERT', 'certificate to show to the NATS server'],
  ['--nats-key <file>', 'C2M_NATS_KEY', 'key of that certificate'],
];

/**
 * Adds the options that say how NATS is reached; `readNatsOptions` reads them.
 * @param saysWhere false for a command that says where with an option of its own
 */
export function natsOptions(command: Command, saysWhere = true): Command {
  if (saysWhere) {
    const where = new Option(
      '--nats <url>',
      'where the machines are met: nats://host:port or tls://host:port',
    );
    command.addOption(where.env('C2M_NATS'));
  }
  for (const [flag, variable, description] of WHO_AND_HOW)
    command.addOption(new Option(flag, description).env(variable));
  return command;
}

/**
 * @param url where a command says it itself
 * @throws InputError when nothing says where NATS is
 */
export function readNatsOptions(flags: NatsFlags, url = flags.nats): NatsOptions {
  if (url === undefined) {
    throw new InputError(
      '--nats is missing: where are the machines met? Write --nats nats://host:4222, or set C2M_NATS',
    );
  }
  return { url, ...natsIdentity(flags) };
}

/** Who this is at a server of NATS, and how TLS is spoken with it. */
export function natsIdentity(flags: NatsFlags): Omit<NatsOptions, 'url' | 'servers'> {
  return {
    user: flags.natsUser,
    password: flags.natsPassword,
    token: flags.natsToken,
    credentialsFile: flags.natsCreds,
    nkeyFile: flags.natsNkey,
    caFile: flags.natsCa,
    certificateFile: flags.natsCert,
    keyFile: flags.natsKey,
  };
}
