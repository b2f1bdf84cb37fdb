// Boot arguments: tokens of a kernel command line, and whether the kernel obeys its
// `cgroup.memory=nokmem`.

/** Tokens of a command line; blanks inside double quotes do not separate. */
export const bootArgs = (cmdline: string): readonly string[] =>
  cmdline.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];

/** All values of a key, in order; a key without `=` has the empty value. */
export const valuesOf = (cmdline: string, key: string): readonly string[] =>
  bootArgs(cmdline)
    .filter((token) => token === key || token.startsWith(`${key}=`))
    .map((token) => token.slice(key.length + 1));

/**
 * Does this command line ask for nokmem? All occurrences and list members count. Case and spelling
 * matter: `NOKMEM` and `cgroup_memory=` do nothing. Measured: el7's 3.10 also obeys a quoted value
 * and a value after ` -- `; kernel 6.12 obeys neither.
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
 * Does the kernel count swap, so that groups have memsw limits? el7 does by default. Other kernels
 * of that age need an argument.
 */
export const countsSwap = (cmdline: string, el7: boolean): boolean =>
  (valuesOf(cmdline, 'swapaccount').at(-1) ?? (el7 ? '1' : '0')) !== '0';
