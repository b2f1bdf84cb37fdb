// A number with its noun: the one place where a text chooses between one and many.
export const plural = (count: number, word: string, many = `${word}s`): string =>
  `${count} ${count === 1 ? word : many}`;
