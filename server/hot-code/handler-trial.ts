import { HotCode } from './hot-code.js';

/**
 * The entry of a process that tries a module of handlers and ends: whatever it does there, hang or exit, it does not
 * do to a worker. Ends with 0 and the version on standard output, or with 1 and the reason on standard error.
 */
try {
  const code = await HotCode.start(process.argv[2] as string);
  process.stdout.write(code.inForce.version);
} catch (error) {
  process.stderr.write((error as Error).message);
  process.exitCode = 1;
}
