/** With an argument of their own, or behind a `=`. */
const OF_CODE = ['-e', '--eval', '-p', '--print', '-pe', '--input-type'];

/**
 * The flags of this process that its children get as well: not the code on its command line, which each child would run
 * instead of what it is for, and start children of its own.
 */
export function inheritedFlags(flags: readonly string[] = process.execArgv): string[] {
  return flags.filter((flag, at) => {
    const isOfCode = (each: string | undefined) =>
      OF_CODE.some((name) => each === name || each?.startsWith(`${name}=`));
    const before = flags[at - 1];
    const isArgument = !flag.startsWith('-') && before !== undefined && OF_CODE.includes(before);
    return !isOfCode(flag) && !isArgument;
  });
}
