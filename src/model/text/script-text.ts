// Scripts for hosts lie in files of their own; here their text becomes what is sent.

/**
 * The text of a script file with a value for each `@name@`, and without the comment at its head,
 * which is for readers. A value stands there as it is, without a newline at its end: words of
 * others must be quoted. A line of its own goes with an empty value. A name without a value is our
 * bug.
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
