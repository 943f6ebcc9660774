import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { testFolder } from '../support/folder.js';
import { type Ended, startCommand } from '../support/running-command.js';

/**
 * There is no cluster in a test. This answers what run.sh asks as one would: a Job that has conditions when it has ended, a pod
 * with the status of its container, if it has one.
 */
const KUBECTL = `#!/bin/sh
echo "$*" >> "$CALLS"
shift 2
case "$1 $2" in
  'create configmap') echo 'kind: ConfigMap' ;;
  'apply --filename') if [ "$3" = - ]; then cat > /dev/null; fi ;;
  'logs --follow') echo 'words of the run' ;;
  'get job') printf '%s' "$CONDITIONS" ;;
  'get pods') printf '%s' "$STATUS" ;;
  cp*) mkdir "$3" ;;
esac
`;

async function runScript(cluster: {
  conditions: string;
  status: string;
}): Promise<Ended & { calls: string[]; out: string }> {
  const folder = testFolder();
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/kubectl'), KUBECTL, { mode: 0o755 });
  writeFileSync(join(folder, 'my.yaml'), 'name: mine\n');
  const calls = join(folder, 'calls');
  const out = join(folder, 'record');
  const ended = await startCommand(
    'sh',
    [resolve('deploy/kubernetes/run.sh'), join(folder, 'my.yaml'), out],
    {
      environment: {
        ...process.env,
        PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
        CALLS: calls,
        CONDITIONS: cluster.conditions,
        STATUS: cluster.status,
      },
    },
  ).ended;
  return { ...ended, calls: readFileSync(calls, 'utf8').trim().split('\n'), out };
}

test.each([
  ['Complete', '0', 0],
  ['FailureTarget Failed', '99', 99],
  ['FailureTarget Failed', '1', 1],
  // Thrown out of its node: nobody can tell how it would have ended.
  ['FailureTarget Failed', '', 1],
])(
  'a run whose job is %s and whose container ended with "%s" ends with %i',
  async (conditions, status, expected) => {
    const run = await runScript({ conditions, status });
    expect(run.status).toBe(expected);
    expect(run.stdout).toContain('words of the run');
    expect(run.calls).toContain(`--namespace c2m cp c2m-records:/records/run ${run.out}`);
    expect(run.calls.every((call) => call.startsWith('--namespace c2m '))).toBe(true);
  },
);

test('a scenario that is not there starts nothing', async () => {
  const { status, stderr } = await startCommand('sh', ['deploy/kubernetes/run.sh', 'no-such.yaml']).ended;
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('usage:') });
});
