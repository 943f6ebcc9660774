import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Path } from './path.js';
import type { TlsFiles } from './tls-schema.js';

/** A bundle of all authorities that browsers know has 200 KiB. */
const LARGEST_FILE_BYTES = 1024 * 1024;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** PEM texts. */
export interface TlsTexts {
  ca?: string;
  cert?: string;
  key?: string;
}

/** What is wrong with one of the files, and nothing of what is in it. */
export interface TlsProblem {
  path: Path;
  message: string;
}

/** Reads what TLS needs. @param at finds a file from how it is named */
export function readTlsFiles(
  { caFile, certFile, keyFile }: TlsFiles,
  at: (name: string) => string,
): TlsTexts | TlsProblem {
  try {
    const ca = caFile === undefined ? undefined : certificatesIn('caFile', at(caFile));
    const cert = certFile === undefined ? undefined : certificatesIn('certFile', at(certFile));
    if (keyFile === undefined || cert === undefined) return { ...(ca && { ca: ca.text }) };
    const key = read('keyFile', at(keyFile));
    checkKey(key, cert.first, at(keyFile));
    return { ...(ca && { ca: ca.text }), cert: cert.text, key };
  } catch (error) {
    if (error instanceof TlsFileError)
      return { path: ['target', 'tls', error.named], message: error.message };
    throw error;
  }
}

export function isTlsProblem(read: TlsTexts | TlsProblem): read is TlsProblem {
  return 'message' in read;
}

class TlsFileError extends Error {
  constructor(
    readonly named: keyof TlsFiles,
    message: string,
  ) {
    super(message);
  }
}

function certificatesIn(
  named: 'caFile' | 'certFile',
  file: string,
): { text: string; first: X509Certificate } {
  const text = read(named, file);
  const [first, ...more] = text.match(CERTIFICATE) ?? [];
  try {
    if (first === undefined) throw new Error('none');
    for (const each of more) new X509Certificate(each);
    return { text, first: new X509Certificate(first) };
  } catch {
    throw new TlsFileError(named, `${file} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)`);
  }
}

function checkKey(key: string, certificate: X509Certificate, file: string): void {
  let isItsKey: boolean;
  try {
    isItsKey = certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new TlsFileError(
      'keyFile',
      `${file} holds no key in PEM that can be read; one with a passphrase cannot be used here`,
    );
  }
  if (!isItsKey) throw new TlsFileError('keyFile', `${file} is not the key of the certificate in certFile`);
}

function read(named: keyof TlsFiles, file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile())
    throw new TlsFileError(named, `${file} is no file; write a path from the scenario’s folder`);
  if (found.size > LARGEST_FILE_BYTES)
    throw new TlsFileError(named, `${file} is too large to be a certificate or a key`);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new TlsFileError(named, `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
