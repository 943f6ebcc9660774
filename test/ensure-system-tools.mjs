// What the tests need from the system and npm cannot bring: a Chromium to open the report in.
// Finds it, or installs it where apt-get and root are there; otherwise says what to do.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const candidates = [
  process.env.C2M_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const isThere = () => candidates.some((path) => path && existsSync(path));

if (!isThere()) {
  const canInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (!canInstall) {
    console.error('The report tests need Chromium: install it (Debian: sudo apt-get install chromium),');
    console.error('or set C2M_CHROMIUM to the path of a Chromium or Chrome.');
    process.exit(1);
  }
  console.log('Installing Chromium for the report tests …');
  const quiet = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  execFileSync('apt-get', ['-qq', 'update'], quiet);
  execFileSync('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', 'chromium'], quiet);
  if (!isThere()) {
    console.error('apt-get installed no Chromium at a known path; set C2M_CHROMIUM.');
    process.exit(1);
  }
}
