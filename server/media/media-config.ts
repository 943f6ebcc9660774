import { z } from 'zod';

const MIB = 2 ** 20;

export const mediaSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.number().int().min(0).max(65535).default(9465),
  folder: z
    .string()
    .min(1)
    .default('c2m-media')
    .describe('Where the files are kept; made if it is not there.'),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('What links begin with, where clients reach this port through a proxy.'),
  maxBytes: z
    .number()
    .int()
    .min(1)
    .default(16 * MIB)
    .describe('Largest file.'),
  totalBytes: z
    .number()
    .int()
    .min(1)
    .default(10_240 * MIB)
    .describe('Disk space for all files; past it uploads are refused.'),
  types: z
    .array(z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/))
    .min(1)
    .default([
      'image/jpeg',
      'image/png',
      'image/webp',
      'image/gif',
      'audio/ogg',
      'audio/mpeg',
      'video/mp4',
      'application/pdf',
    ])
    .describe('Content types that are taken; an image must be what it says.'),
  retentionMs: z
    .number()
    .int()
    .min(1000)
    .default(30 * 24 * 3600 * 1000)
    .describe('Age at which a file is deleted.'),
});

export type MediaConfig = z.output<typeof mediaSchema>;
