// Fills in the scripts for hosts, which are files of their own.

/**
 * The text of a script file without the comment at its head, with a value for each `@name@`. Values
 * are inserted unchanged, without a final newline, so text of others must be quoted. A line that is
 * only a name disappears with an empty value. A name without a value is an error of kmend.
 */
export const scriptText = (
  file: string,
  values: Readonly<Record<string, string | number>> = {},
): string =>
  file
    .replace(/^(?:#(?!!).*\n)+/, '')
    .replace(/^@([A-Za-z]\w*)@\n|@([A-Za-z]\w*)@/gm, (_, line: string | undefined, word = '') => {
      const value = values[line ?? word];
      if (value === undefined) throw new Error(`a script has no value for @${line ?? word}@`);
      const text = String(value).replace(/\n$/, '');
      return line === undefined || text === '' ? text : `${text}\n`;
    });
