// Scripts for hosts lie beside the code that sends them; every bundle of `src` takes them in as
// text.

/** For esbuild's `loader`. */
export const textFiles = { '.sh': 'text', '.awk': 'text' };
