// Reads what a server sends up to its SSH banner. The library reports neither the time of the
// banner nor the text before it.

/** Most bytes before the banner. (OpenSSH stops at 1,024 lines of 8 KiB.) */
const limit = 64 * 1024;

export interface BannerWatch {
  /** Takes bytes. `seen`: the banner is complete. `endless`: too many bytes came without it. */
  readonly feed: (chunk: Buffer) => 'more' | 'seen' | 'endless';
  /** Text before the banner: the first 300 characters, with spaces for control characters. */
  readonly preface: () => string;
}

export function createBannerWatch(): BannerWatch {
  let text = '';
  let total = 0;
  /** Start of the line that is not complete yet: a server may send its lines byte by byte. */
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
