import { readFile } from 'node:fs/promises';
import type { ServerConfig } from '../config.js';

/** PEM texts. */
export interface Certificate {
  key: string;
  cert: string;
}

/** The configured certificate, or one made for this run that no client has a reason to trust. */
export async function loadCertificate(config: ServerConfig['tls']): Promise<Certificate> {
  if (config) {
    const [key, cert] = await Promise.all([
      readFile(config.keyFile, 'utf8'),
      readFile(config.certFile, 'utf8'),
    ]);
    return { key, cert };
  }
  // Loading this library takes a quarter of a second of CPU, so only those do who have no certificate.
  const { generate } = await import('selfsigned');
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { key: made.private, cert: made.cert };
}
