// Scripts for hosts and shells lie beside the code that sends or prints them; every bundle of `src`
// takes them in as text.

/** For esbuild's `loader`. */
export const textFiles = {
  '.sh': 'text',
  '.sql': 'text',
  '.awk': 'text',
  '.bash': 'text',
  '.zsh': 'text',
  '.fish': 'text',
};
