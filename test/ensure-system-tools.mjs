// What the tests need from the system and npm cannot bring.
// Finds it, or installs it where apt-get and root are there; otherwise says what to do.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const chromiums = [
  process.env.C2M_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Whether a program is found, also where only root looks. */
const has = (name) =>
  `${process.env.PATH}:/usr/sbin:/sbin`.split(':').some((folder) => existsSync(join(folder, name)));

/** A server of another protocol, which the drivers are tested against. */
const server = (name, program = name) => ({
  package: name,
  isThere: () => has(program),
  need: `The tests of the drivers need ${name}`,
  otherwise: '',
});

/** Each with its package of Debian. */
const tools = [
  {
    package: 'chromium',
    isThere: () => chromiums.some((path) => path && existsSync(path)),
    need: 'The report tests need Chromium',
    otherwise: ', or set C2M_CHROMIUM to the path of a Chromium or Chrome',
  },
  {
    package: 'bsdutils',
    // Other systems have a `script` with other options.
    isThere: () => spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux'),
    need: 'The terminal tests need `script` of util-linux, which makes a pseudo terminal',
    otherwise: '',
  },
  {
    package: 'shellcheck',
    isThere: () => has('shellcheck'),
    need: 'The tests of deploy/ need shellcheck',
    otherwise: '',
  },
  {
    package: 'systemd',
    isThere: () => process.platform !== 'linux' || has('systemd-analyze'),
    need: 'The tests of deploy/ need systemd-analyze, which checks units',
    otherwise: '',
  },
  server('mosquitto'),
  server('nats-server'),
  server('ejabberd', 'ejabberdctl'),
  {
    package: 'iproute2',
    isThere: () => process.platform !== 'linux' || ['ip', 'tc', 'ss'].every(has),
    need: 'The tests across hosts need ip, tc and ss, which make networks of their own',
    otherwise: '',
  },
];

const missing = tools.filter(({ isThere }) => !isThere());
const canInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
if (missing.length > 0 && canInstall) {
  const packages = missing.map((tool) => tool.package);
  console.log(`Installing ${packages.join(' and ')} for the tests …`);
  const quiet = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  execFileSync('apt-get', ['-qq', 'update'], quiet);
  execFileSync('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...packages], quiet);
}
for (const tool of missing.filter(({ isThere }) => !isThere())) {
  console.error(`${tool.need}: install it (Debian: sudo apt-get install ${tool.package})${tool.otherwise}.`);
  process.exitCode = 1;
}
