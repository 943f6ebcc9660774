import { randomUUID } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';

type Pair = ReturnType<typeof nkeys.createUser>;

/** A user who is known by a key. */
export interface NkeyUser {
  publicKey: string;
  seed: string;
}

export function nkeyUser(): NkeyUser {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: text(pair.getSeed()) };
}

/** An operator with one account, as a server is configured with it. */
export class TestOperator {
  readonly #operator = nkeys.createOperator();
  readonly #account = nkeys.createAccount();

  /** For nats.conf. */
  get config(): string {
    const operator = token(this.#operator, this.#operator, { type: 'operator', version: 2 });
    const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 };
    const account = token(this.#operator, this.#account, {
      limits: { ...limits, wildcards: true },
      type: 'account',
      version: 2,
    });
    const preload = `resolver_preload: { ${this.#account.getPublicKey()}: "${account}" }`;
    return `operator: "${operator}"\nresolver: MEMORY\n${preload}`;
  }

  /** A credentials file of a user of the account. */
  credentials(): string {
    const user = nkeys.createUser();
    const claims = { pub: {}, sub: {}, subs: -1, data: -1, payload: -1, type: 'user', version: 2 };
    return [
      '-----BEGIN NATS USER JWT-----',
      token(this.#account, user, claims),
      '------END NATS USER JWT------',
      '',
      '-----BEGIN USER NKEY SEED-----',
      text(user.getSeed()),
      '------END USER NKEY SEED------',
      '',
    ].join('\n');
  }
}

/** A JWT of NATS, signed by its issuer. */
function token(issuer: Pair, subject: Pair, nats: object): string {
  const head = base64({ typ: 'JWT', alg: 'ed25519-nkey' });
  const body = base64({
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    name: 'test',
    sub: subject.getPublicKey(),
    nats,
  });
  const signature = issuer.sign(new TextEncoder().encode(`${head}.${body}`));
  return `${head}.${body}.${Buffer.from(signature).toString('base64url')}`;
}

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
