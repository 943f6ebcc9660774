import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { Logger } from 'pino';
import { userToken } from '../../protocol/user-token.js';
import { mediaSchema } from '../../server/media/media-config.js';
import { type RunningMedia, startMedia } from '../../server/media/media-server.js';
import { afterEachTest } from './clean-up.js';
import { testFolder } from './folder.js';

export const SECRET = 'a secret of sixteen';
export const ANNA = 1;
export const BERT = 2;

const running: RunningMedia[] = [];
afterEachTest('servers', async () => {
  await Promise.all(running.splice(0).map((media) => media.close()));
});

export interface TestMedia {
  url: string;
  folder: string;
  media: RunningMedia;
}

/** Media that end with the test, in a folder that is deleted after it. */
export async function startTestMedia(
  { folder = testFolder(), ...settings }: { folder?: string; [setting: string]: unknown } = {},
  log?: Logger,
): Promise<TestMedia> {
  // However little space the machine of a test has.
  const config = mediaSchema.parse({ port: 0, folder, keepFreeBytes: 0, ...settings });
  const media = await startMedia(config, { token: SECRET, tokenPerUser: true }, log);
  running.push(media);
  return { url: `http://127.0.0.1:${media.port}`, folder, media };
}

export function basic(user: number, token = userToken(SECRET, user)): string {
  return `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;
}

export function nameOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

interface UploadOptions {
  user?: number;
  type?: string;
  name?: string;
  headers?: Record<string, string>;
}

export function upload(
  url: string,
  content: Buffer,
  { user = ANNA, type = 'audio/ogg', name, headers }: UploadOptions = {},
): Promise<Response> {
  return fetch(`${url}/media/${name ?? nameOf(content)}`, {
    method: 'PUT',
    body: new Uint8Array(content),
    headers: { authorization: basic(user), 'content-type': type, ...headers },
  });
}

export function download(url: string, hash: string, user: number): Promise<Response> {
  return fetch(`${url}/media/${hash}`, { headers: { authorization: basic(user) } });
}

export function remove(url: string, hash: string, user: number): Promise<Response> {
  return fetch(`${url}/media/${hash}`, { method: 'DELETE', headers: { authorization: basic(user) } });
}

export interface Stored {
  link: string;
  bytes: number;
  type: string;
  thumbnail: string | null;
}

export async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

/** An upload that says how long it is, sends the beginning, and waits. */
export function beginUpload(
  url: string,
  name: string,
  { user = ANNA, length, beginning }: { user?: number; length: number; beginning: Buffer },
): { breakOff(): void } {
  const put = request(`${url}/media/${name}`, {
    method: 'PUT',
    headers: { authorization: basic(user), 'content-type': 'audio/ogg', 'content-length': length },
  });
  put.on('error', () => undefined);
  put.write(beginning);
  return { breakOff: () => put.destroy(new Error('no signal')) };
}
