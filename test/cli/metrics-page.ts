import { expect, vi } from 'vitest';
import type { RunningCommand } from './c2m.js';

/** Several runs one after the other, on a machine that has much else to do. */
export const SERIES_MS = 180_000;

/** What a command with `--metrics` says of its page. */
export async function pageAddress(command: RunningCommand): Promise<string> {
  const [, url = ''] = await vi.waitFor(
    () => {
      const said = /metrics at (http:\/\/127\.0\.0\.1:\d+\/metrics)\n/.exec(command.words());
      if (!said) throw new Error(command.words());
      return said;
    },
    { timeout: 20_000, interval: 20 },
  );
  return url;
}

/** Looks at the page of a command until it has told of that many runs. @returns their labels */
export async function runsOnPage(command: RunningCommand, count: number): Promise<string[]> {
  const url = await pageAddress(command);
  const seen = new Set<string>();
  await vi.waitFor(
    async () => {
      const page = await (await fetch(url)).text();
      const [, labels] = /^c2m_run_info\{(.*)\} 1$/m.exec(page) ?? [];
      if (labels) seen.add(labels);
      expect(seen.size, command.words()).toBeGreaterThanOrEqual(count);
    },
    { timeout: SERIES_MS - 20_000, interval: 50 },
  );
  return [...seen].map((labels) => labels.replace(/,?(scenario|version)="[^"]*"/g, '').replace(/^,/, ''));
}
