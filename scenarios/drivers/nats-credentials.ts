import { readFileSync, statSync } from 'node:fs';
import { userSeedIn } from './nkey.js';

/** What `nsc` writes is about a kilobyte. */
const LARGEST_FILE_BYTES = 256 * 1024;
const PART = /-{3,}BEGIN ([A-Z ]+)-{3,}\s+(\S+)\s+-{3,}END \1-{3,}/g;

/** Who a client is to a server in operator mode. Both are told to nobody. */
export interface NatsCredentials {
  jwt: string;
  /** Seed of the key that the JWT is for. */
  nkey: string;
}

/**
 * Reads a .creds file.
 * @returns otherwise what is wrong with it, and nothing of what is in it
 */
export function readCredentialsFile(file: string): NatsCredentials | string {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return `${file} is no file; write a path from the scenario’s folder`;
  if (found.size > LARGEST_FILE_BYTES) return `${file} is too large to be credentials of NATS`;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
  const parts = new Map([...text.matchAll(PART)].map(([, name = '', value = '']) => [name, value]));
  const jwt = parts.get('NATS USER JWT');
  const nkey = parts.get('USER NKEY SEED');
  if (jwt !== undefined && nkey !== undefined && userSeedIn(nkey) !== undefined) return { jwt, nkey };
  return `${file} has no JWT and seed of a user; write a file such as \`nsc generate creds\` makes`;
}
