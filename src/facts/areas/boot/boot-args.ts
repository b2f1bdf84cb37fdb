// Boot arguments: a kernel command line as tokens, and whether `cgroup.memory=nokmem` is on it in a
// way that the kernel obeys.

/** Tokens of a command line; blanks inside double quotes do not separate. */
export const bootArgs = (cmdline: string): readonly string[] =>
  cmdline.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];

/** All values of a key, in order; a key without `=` has the empty value. */
export const valuesOf = (cmdline: string, key: string): readonly string[] =>
  bootArgs(cmdline)
    .filter((token) => token === key || token.startsWith(`${key}=`))
    .map((token) => token.slice(key.length + 1));

/**
 * Does this command line ask for nokmem? Occurrences and list members add up; case and spelling
 * count (`NOKMEM`, `cgroup_memory=` do nothing). Measured: el7's 3.10 also obeys a quoted value and
 * a place after ` -- `, kernel 6.12 obeys neither.
 */
export function asksForNokmem(cmdline: string, el7: boolean): boolean {
  const tokens = bootArgs(cmdline);
  const end = tokens.indexOf('--');
  const read = el7 || end < 0 ? cmdline : tokens.slice(0, end).join(' ');
  return valuesOf(read, 'cgroup.memory')
    .flatMap((value) => (el7 ? value.replaceAll('"', '') : value).split(','))
    .includes('nokmem');
}

/** Is the memory controller itself switched off? */
export const disablesMemoryCgroup = (cmdline: string): boolean =>
  valuesOf(cmdline, 'cgroup_disable').some((value) => value.split(',').includes('memory'));

/**
 * Does the kernel count swap, so that groups have memsw limits? el7 does by default, other kernels
 * of that age only by argument.
 */
export const countsSwap = (cmdline: string, el7: boolean): boolean =>
  (valuesOf(cmdline, 'swapaccount').at(-1) ?? (el7 ? '1' : '0')) !== '0';
