import { z } from 'zod';

const MIB = 2 ** 20;
const bytes = z.number().int().min(1);

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
  maxBytes: bytes.default(16 * MIB).describe('Largest file.'),
  totalBytes: bytes
    .default(10_240 * MIB)
    .describe('Disk space for all files and unfinished uploads; past it uploads are refused.'),
  userBytes: bytes
    .default(1024 * MIB)
    .describe('Share of one user in that: the files that it has uploaded, and its unfinished uploads.'),
  userUploads: z
    .number()
    .int()
    .min(1)
    .default(32)
    .describe('Unfinished uploads of one user; past it the oldest that nobody is at makes room.'),
  keepFreeBytes: z
    .number()
    .int()
    .min(0)
    .default(256 * MIB)
    .describe('Disk space that uploads leave to others, such as the mailboxes.'),
  connections: z
    .number()
    .int()
    .min(1)
    .default(256)
    .describe('Connections at once; what comes beyond is closed.'),
  thumbnailMemoryBytes: bytes
    .min(192 * MIB)
    .default(512 * MIB)
    .describe(
      'Memory of the process that decodes pictures. One that decodes to more than half of it is refused.',
    ),
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
