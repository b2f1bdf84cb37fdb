// What a server says until its SSH banner. Watched here because the library tells neither when the
// banner came nor what stood before it.

/**
 * More than this before the banner is no SSH server (OpenSSH gives up at 8 KiB in a line, 1,024
 * lines).
 */
const limit = 64 * 1024;

export interface BannerWatch {
  /**
   * Takes bytes; `seen` once the identification line began, `endless` when too much came without
   * it.
   */
  readonly feed: (chunk: Buffer) => 'more' | 'seen' | 'endless';
  /** Text before the banner: the first 300 characters, control characters as spaces. */
  readonly preface: () => string;
}

export function createBannerWatch(): BannerWatch {
  let text = '';
  let total = 0;
  /** Where the line begins that has no end yet: a server may send its lines byte by byte. */
  let line = 0;
  return {
    feed: (chunk) => {
      total += chunk.length;
      if (text.length < limit) text += chunk.toString('latin1');
      if (chunk.includes(10)) {
        if (/(?:^|\n)SSH-(?:2\.0|1\.99)-[^\n]*\n/.test(text.slice(line))) return 'seen';
        line = text.lastIndexOf('\n') + 1;
      }
      return total > limit ? 'endless' : 'more';
    },
    preface: () =>
      text
        .replace(/(?:^|\n)SSH-[\s\S]*$/, '')
        // biome-ignore lint/suspicious/noControlCharactersInRegex: a server may send anything, a terminal must not get it
        .replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ')
        .trim()
        .slice(0, 300),
  };
}
