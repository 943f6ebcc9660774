import type { z } from 'zod';
import { isLoopback } from '../protocol/address.js';
import { quote } from '../record/quantity.js';
import { bareHost, hostOf, hostOfUrl } from './target-address.js';

const EMBEDDED_ONLY = 'is for a server of your own; an embedded one needs no';
/** Also an address of this host, where a server of the lab's own listens. */
const EVERY_ADDRESS = '0.0.0.0';

/** What says something of a server that is not ours. */
const EXTERNAL_KEYS = [
  'command',
  'pid',
  'cgroup',
  'metrics',
  'admin',
  'media',
  'allow',
  'token',
  'tokenPerUser',
  'insecure',
  'tls',
  'driver',
  'websocket',
] as const;

/** The keys that the checks look at; each may be wrong itself, which is told elsewhere. */
type UncheckedTarget = Partial<Record<'embedded' | 'addresses' | (typeof EXTERNAL_KEYS)[number], unknown>>;

/** What the keys of a target say of each other. It is asked even where one of them is wrong. */
export function checkTargetParts(target: UncheckedTarget, context: z.RefinementCtx): void {
  const refuse = (path: (string | number)[], message: string) => {
    context.addIssue({ code: 'custom', path, message });
  };
  if (target.command !== undefined && !target.addresses && !target.embedded) {
    refuse(['addresses'], 'is missing; where does the server of target.command listen?');
  } else if (!target.embedded === !target.addresses) {
    refuse([], 'must have either embedded or addresses');
  } else if (target.embedded) {
    for (const key of EXTERNAL_KEYS) {
      if (target[key] !== undefined) refuse([key], `${EMBEDDED_ONLY} ${key}`);
    }
  }
  const processes = (['command', 'pid', 'cgroup'] as const).filter((key) => target[key] !== undefined);
  if (processes.length > 1) {
    const [one, another] = processes;
    refuse([`${another}`], `says which processes the server is, and so does ${one}; write one of them`);
  }
  if (target.tokenPerUser === true && target.token === undefined) {
    refuse(['tokenPerUser'], 'needs the secret of the server: write token');
  }
  if (target.insecure === true && caOf(target.tls) !== undefined) {
    refuse(
      ['tls', 'caFile'],
      'says whose certificates are trusted, and insecure that all are; write one of them',
    );
  }
  const allowed = new Set(textsIn(target.allow).map(bareHost));
  const check = (path: (string | number)[], host: string | undefined) => {
    // An address that is none is told as that.
    if (host === undefined || isLoopback(host) || allowed.has(host)) return;
    if (host === EVERY_ADDRESS && target.command !== undefined) return;
    refuse(
      path,
      `${host} is another machine; load goes there only if target.allow names it: allow: [${quote(host)}]`,
    );
  };
  const addresses = Array.isArray(target.addresses) ? target.addresses : [];
  addresses.forEach((address, index) => {
    check(['addresses', index], hostOf(address));
  });
  // Both get load as well, and the media port is shown the token.
  for (const key of ['admin', 'media'] as const) check([key], hostOfUrl(target[key]));
  check(['metrics', 'url'], hostOfUrl(pageOf(target.metrics)));
}

function pageOf(metrics: unknown): unknown {
  return typeof metrics === 'object' && metrics !== null && 'url' in metrics ? metrics.url : undefined;
}

function caOf(tls: unknown): unknown {
  return typeof tls === 'object' && tls !== null && 'caFile' in tls ? tls.caFile : undefined;
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
