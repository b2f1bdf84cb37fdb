// Splits a command line into words as a shell would.

/** The words, or nothing when a quote is not closed. */
export function splitWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const character = line[i] ?? '';
    if (quote === "'") {
      if (character === "'") quote = '';
      else word += character;
    } else if (
      character === '\\' &&
      i + 1 < line.length &&
      (quote === '' || '"\\$`'.includes(line[i + 1] ?? ''))
    ) {
      word = (word ?? '') + (line[++i] ?? '');
    } else if (quote === '"') {
      if (character === '"') quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}
