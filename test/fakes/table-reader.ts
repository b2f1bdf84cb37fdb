// A reader over a table of texts: what the load room reads in tests.
import type { Read, Reader } from '../../src/load/text/reader.ts';

/** `programs` answer by "PATH ARGS"; their texts are in `files` too, beginning with #!. */
export function tableReader(
  files: Readonly<Record<string, string>>,
  programs: Readonly<Record<string, string>> = {},
): Reader {
  const paths = Object.keys(files);
  const readText = (path: string): Read => {
    const text = files[path];
    return text === undefined
      ? { ok: false, why: 'there is no such file', absent: true }
      : { ok: true, text };
  };
  return {
    readText,
    readFound: readText,
    readData: readText,
    list: (path) => {
      const start = path === '.' || path === '' ? '' : `${path}/`;
      const names = new Set(
        paths
          .filter((file) => file.startsWith(start))
          .map((file) => file.slice(start.length).split('/')[0] ?? ''),
      );
      const isFile = Object.hasOwn(files, path);
      return isFile || names.size === 0 ? undefined : [...names];
    },
    isExecutable: (path) => (files[path] ?? '').startsWith('#!'),
    run: (path, args) => {
      const text = programs[[path, ...args].join(' ')];
      return text === undefined ? { ok: false, why: 'it ended with status 1' } : { ok: true, text };
    },
  };
}
