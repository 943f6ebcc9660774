import { z } from 'zod';

const file = (description: string) =>
  z.string('must be a path').min(1, 'must not be empty').optional().meta({ description, shape: 'path' });

/** What clients of TLS show, trust and ask for; files are named from the folder of the scenario. */
export const tlsSchema = z
  .strictObject(
    {
      caFile: file('PEM file with the certificates that are trusted, instead of those that Node trusts.'),
      certFile: file('PEM file with the certificate that all clients show, for a server that asks for one.'),
      keyFile: file(
        'PEM file with its key. Agents on other machines are told it; the record does not keep it.',
      ),
      serverName: z.string('must be text').min(1, 'must not be empty').optional().meta({
        description: 'Whose certificate is expected, and asked for (SNI).',
        shape: 'host name',
        fallback: 'that of the address',
      }),
    },
    'must be files, such as {caFile: ca.pem}',
  )
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    error: 'must have certFile and keyFile, or neither of them',
  });

export type TlsFiles = z.output<typeof tlsSchema>;
