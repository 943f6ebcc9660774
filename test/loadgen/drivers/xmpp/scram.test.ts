import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { SaltedPasswords, ScramExchange } from '../../../../loadgen/drivers/xmpp/scram.js';

const VECTORS = [
  {
    source: 'RFC 5802, section 5',
    hash: 'sha1' as const,
    nonce: 'fyko+d2lbbFgONRv9qkxdawL',
    challenge: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    signature: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    source: 'RFC 7677, section 3',
    hash: 'sha256' as const,
    nonce: 'rOprNGfwEbeRWgbNEkqO',
    challenge: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    signature: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
];

function begin(hash: 'sha1' | 'sha256', nonce: string, passwords = new SaltedPasswords()): ScramExchange {
  return new ScramExchange(hash, 'user', 'pencil', nonce, passwords);
}

describe('a login by SCRAM', () => {
  test.each(VECTORS)('says what $source says', ({ hash, nonce, challenge, proof, signature }) => {
    const exchange = begin(hash, nonce);
    expect(exchange.first()).toBe(`n,,n=user,r=${nonce}`);
    const [whole] = challenge.split(',');
    expect(exchange.answer(challenge)).toBe(`c=biws,${whole},p=${proof}`);
    exchange.prove(`v=${signature}`);
    expect(exchange.isProven).toBe(true);
  });

  test('is answered with nothing where the server proves itself in a challenge', () => {
    const [{ nonce, challenge, signature }] = VECTORS as [(typeof VECTORS)[0]];
    const exchange = begin('sha1', nonce);
    exchange.answer(challenge);
    expect(exchange.answer(`v=${signature}`)).toBe('');
    expect(exchange.isProven).toBe(true);
  });

  test('does not trust a server that does not know the password', () => {
    const [{ nonce, challenge }] = VECTORS as [(typeof VECTORS)[0]];
    const exchange = begin('sha1', nonce);
    exchange.answer(challenge);
    expect(() => exchange.prove('v=AAAApqV8S7suAoZWja4dJRkFsKQ=')).toThrow(ProtocolViolation);
    expect(() => begin('sha1', nonce).prove('v=')).toThrow(ProtocolViolation);
  });

  test.each([
    ['another nonce', 'r=other,s=QSXCR+Q6sek8bf92,i=4096'],
    ['the nonce of the client alone', 'r=mine,s=QSXCR+Q6sek8bf92,i=4096'],
    ['no salt', 'r=mine-and-yours,i=4096'],
    ['more iterations than an agent has time for', 'r=mine-and-yours,s=QSXCR+Q6sek8bf92,i=9000000'],
    ['no iterations', 'r=mine-and-yours,s=QSXCR+Q6sek8bf92,i=0'],
    ['nothing', ''],
  ])('refuses a challenge with %s', (_, challenge) => {
    expect(() => begin('sha256', 'mine').answer(challenge)).toThrow(ProtocolViolation);
  });

  test('works a password out once for each salt', () => {
    const passwords = new SaltedPasswords();
    const once = passwords.of('sha1', 'pencil', 'QSXCR+Q6sek8bf92', 4096);
    expect(passwords.of('sha1', 'pencil', 'QSXCR+Q6sek8bf92', 4096)).toBe(once);
    expect(passwords.of('sha1', 'pencil', 'QSXCR+Q6sek8bf93', 4096)).not.toEqual(once);
    expect(passwords.of('sha256', 'pencil', 'QSXCR+Q6sek8bf92', 4096)).not.toEqual(once);
  });

  test('escapes what a name may hold', () => {
    const exchange = new ScramExchange('sha1', 'a=b,c', 'pencil', 'mine', new SaltedPasswords());
    expect(exchange.first()).toBe('n,,n=a=3Db=2Cc,r=mine');
  });
});
