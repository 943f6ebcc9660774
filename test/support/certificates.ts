import { generate } from 'selfsigned';

/** PEM texts. */
export interface TestCertificate {
  cert: string;
  key: string;
}

/** One that signs others. */
export async function testAuthority(name: string): Promise<TestCertificate> {
  return make(name, {
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
    ],
  });
}

/** For this host at 127.0.0.1 or under another name, or for somebody who shows it. */
export async function signedBy(authority: TestCertificate, name = '127.0.0.1'): Promise<TestCertificate> {
  const altNames =
    name === '127.0.0.1' ? [{ type: 7 as const, ip: name }] : [{ type: 2 as const, value: name }];
  return make(name, {
    ca: authority,
    extensions: [
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  });
}

async function make(
  name: string,
  options: NonNullable<Parameters<typeof generate>[1]>,
): Promise<TestCertificate> {
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    ...options,
  });
  return { cert: made.cert, key: made.private };
}
