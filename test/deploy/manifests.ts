import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const FOLDER = 'deploy/kubernetes';
/** Values of a chart of others, and no manifest. */
const VALUES = 'nats-values.yaml';

export interface Container {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  securityContext?: object;
  resources?: { requests?: object };
  volumeMounts?: { name: string; mountPath: string }[];
}

export interface Pod {
  securityContext?: object;
  automountServiceAccountToken?: boolean;
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: object[] } };
  containers: Container[];
  volumes?: { name: string; secret?: { secretName: string }; configMap?: { name: string } }[];
}

/** An object of Kubernetes, and the file that it stands in. */
export interface Manifest {
  file: string;
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  spec: Record<string, unknown> & { template?: { spec: Pod } };
  data?: Record<string, string>;
}

/** All of deploy/kubernetes. */
export function manifests(): Manifest[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml') && file !== VALUES);
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => {
      if (document.errors.length + document.warnings.length > 0)
        throw new Error(`${file}: ${document.errors}${document.warnings}`);
      return { file, ...document.toJS() } as Manifest;
    }),
  );
}

/** What runs for it; undefined: nothing does. */
export function podOf({ kind, spec }: Manifest): Pod | undefined {
  return kind === 'Pod' ? (spec as unknown as Pod) : spec?.template?.spec;
}
