import { nkeys } from '@nats-io/transport-node';

type KeyPair = ReturnType<typeof nkeys.createUser>;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A user who logs in by a key: what the server is told of it, and what the user keeps. */
export function keyOf(pair: KeyPair = nkeys.createUser()): { publicKey: string; seed: string } {
  return { publicKey: pair.getPublicKey(), seed: text(pair.getSeed()) };
}

/** An operator with one account and one user in it, as `nsc` makes them. */
export function operatorMode(): { config: string; jwt: string; seed: string; credentials: string } {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const user = nkeys.createUser();
  const unlimited = { subs: -1, data: -1, payload: -1 };
  const operatorJwt = jwtOf('operator', operator, operator, {});
  const accountJwt = jwtOf('account', account, operator, {
    limits: { ...unlimited, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  });
  const jwt = jwtOf('user', user, account, { ...unlimited, pub: {}, sub: {} });
  const { seed } = keyOf(user);
  return {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    jwt,
    seed,
    credentials: credentialsFile(jwt, seed),
  };
}

/** A .creds file. */
export function credentialsFile(jwt: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------

*************************************************************
`;
}

function jwtOf(type: string, subject: KeyPair, issuer: KeyPair, rights: object): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    jti: `${type}-of-a-test`,
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    name: type,
    sub: subject.getPublicKey(),
    nats: { ...rights, type, version: 2 },
  };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`;
}
