// Makes dist/api/index.d.ts, the types of the package in one file, and api/c2m.api.md, the report that shows a change of the
// public API in review.
//   npm run api              writes both
//   npm run api -- --check   fails where the report in the tree is another
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const isCheck = process.argv.includes('--check');

rmSync('dist/declarations', { recursive: true, force: true });
const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.declarations.json'];
const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' });
if (status !== 0) process.exit(1);
const result = Extractor.invoke(ExtractorConfig.loadFileAndPrepare('api/api-extractor.json'), {
  localBuild: !isCheck,
  messageCallback: (message) => {
    // It tells of the version of TypeScript that it brings along, and has advice for its own tools.
    if (message.messageId.startsWith('console-')) message.handled = true;
  },
});
if (isCheck && result.apiReportChanged) {
  console.error(
    'api/c2m.api.md is not that of the code: run `npm run api`, look at what has changed, and commit it',
  );
  process.exit(1);
}
process.exit(result.succeeded ? 0 : 1);
