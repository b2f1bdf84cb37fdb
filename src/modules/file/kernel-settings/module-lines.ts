// Lines that name a module of the kernel in /etc/modules-load.d and /etc/modprobe.d. As for the
// kernel, `-` and `_` are the same in a name.

/** A pattern for the name, in a regular expression of grep. */
export const namePattern = (name: string): string => name.replace(/[-_]/g, '[-_]');

const linesOf = (text: string): readonly string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const isSame = (one: string, other: string): boolean =>
  one.replaceAll('-', '_') === other.replaceAll('-', '_');

const loads = (line: string, name: string): boolean =>
  isSame((line.split(/[#;]/, 1)[0] ?? '').trim(), name);

const optionsIn = (line: string, name: string): readonly string[] => {
  const [word, module = '', ...options] = (line.split('#')[0] ?? '').trim().split(/\s+/);
  return word === 'options' && isSame(module, name) ? options : [];
};

/** Whether this file of modules-load.d loads the module. */
export const isLoadedBy = (text: string, name: string): boolean =>
  linesOf(text).some((line) => loads(line, name));

/** The options of the module in a file of modprobe.d. */
export const moduleOptions = (text: string, name: string): readonly string[] =>
  linesOf(text).flatMap((line) => optionsIn(line, name));

/** The text with a `#` before each line that loads the module, or that gives it options. */
export const withoutModule = (text: string, name: string): string =>
  linesOf(text)
    .map((line) => (loads(line, name) || optionsIn(line, name).length > 0 ? `#${line}` : line))
    .join('');
