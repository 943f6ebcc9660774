import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { testFolder } from '../support/folder.js';
import { type Manifest, manifests, podOf } from './manifests.js';

const run = promisify(execFile);
const FOLDER = 'deploy/kubernetes';

/** Where kubernetes-models has the model of a kind: `batch/v1/Job`, `v1/Pod`. */
function modelOf({ apiVersion, kind }: Manifest): string {
  return `kubernetes-models/${apiVersion}/${kind}`;
}

const all = manifests();
const named = all.map((each): [string, Manifest] => [`${each.kind} ${each.metadata.name}`, each]);
const withPods = named.filter(([, each]) => podOf(each));

test('every file of manifests is read', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));
  expect(new Set(all.map(({ file }) => file))).toEqual(
    new Set(files.filter((file) => file !== 'nats-values.yaml')),
  );
});

test.each(named)('%s is what Kubernetes takes', async (_, { file, ...manifest }) => {
  const module = await import(/* @vite-ignore */ modelOf({ file, ...manifest }));
  const Model = module[manifest.kind];
  expect(() => new Model(manifest).validate()).not.toThrow();
});

test('no manifest has a key that Kubernetes does not know', async () => {
  const lines = all.map(({ file, ...manifest }, index) => {
    const model = resolve('node_modules', `${modelOf({ file, ...manifest })}.js`);
    return `import type { I${manifest.kind} as I${index} } from '${model}';\nexport const of${index}: I${index} = ${JSON.stringify(manifest)};\n`;
  });
  const source = join(testFolder(), 'manifests.ts');
  writeFileSync(source, lines.join(''));
  const flags = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--types',
    '',
  ];
  const compiled = await run('npx', ['tsc', ...flags, source]).catch(
    (error: Error & { stdout: string }) => error,
  );
  expect(compiled.stdout).toBe('');
});

test.each(withPods)('%s runs without rights: not root, nothing to write but what is mounted', (_, each) => {
  const pod = podOf(each);
  expect(pod?.securityContext).toMatchObject({
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(pod?.automountServiceAccountToken).toBe(false);
  for (const container of pod?.containers ?? []) {
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources?.requests).toMatchObject({
      cpu: expect.anything(),
      memory: expect.anything(),
    });
  }
});

test.each(withPods)('%s mounts what it has, and has what it mounts', (_, each) => {
  const pod = podOf(each);
  const mounted = pod?.containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
  expect(new Set(mounted)).toEqual(new Set((pod?.volumes ?? []).map(({ name }) => name)));
});

test('the image of every pod is of this version of the lab', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const images = withPods.flatMap(([, each]) => podOf(each)?.containers.map(({ image }) => image) ?? []);
  expect(new Set(images)).toEqual(new Set([`c2m:${version}`]));
});

test('agents are one a node, as many as there are indices', () => {
  const [agents] = all.filter(({ metadata }) => metadata.name === 'c2m-agents');
  const { spec, metadata } = agents as Manifest;
  expect(spec.completionMode).toBe('Indexed');
  expect(spec.parallelism).toBe(spec.completions);
  const [rule] =
    podOf(agents as Manifest)?.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  expect(rule).toEqual({
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: metadata.labels },
  });
});

test('a run is tried once', () => {
  const [job] = all.filter(({ kind, metadata }) => kind === 'Job' && metadata.name === 'c2m-run');
  expect(job?.spec).toMatchObject({ backoffLimit: 0, template: { spec: { restartPolicy: 'Never' } } });
});
