// Filters on paths and URLs as text; they read no files.
import { textArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { type Callable, define } from '../python/callable.ts';
import { dictOf } from '../python/dicts.ts';
import { text } from '../python/printing.ts';
import { int, type PyValue, tuple } from '../python/py-value.ts';
import { walk } from '../python/sequences.ts';

const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function dirname(path: string): string {
  const head = path.slice(0, path.lastIndexOf('/') + 1);
  return /^\/*$/.test(head) ? head : head.replace(/(?<!\/)\/+$/, '');
}

function splitExtension(path: string): readonly [string, string] {
  const name = basename(path);
  const dot = name.lastIndexOf('.');
  if (dot <= 0 || /^\.*$/.test(name.slice(0, dot))) return [path, ''];
  return [path.slice(0, path.length - name.length + dot), name.slice(dot)];
}

const joinPaths = (parts: readonly string[]): string =>
  parts
    .slice(1)
    .reduce(
      (path, part) =>
        part.startsWith('/')
          ? part
          : path === '' || path.endsWith('/')
            ? path + part
            : `${path}/${part}`,
      parts[0] ?? '',
    );

function normal(path: string): string {
  if (path === '') return '.';
  const root = /^\/\/(?!\/)/.test(path) ? '//' : path.startsWith('/') ? '/' : '';
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && (kept.length > 0 ? kept.at(-1) !== '..' : root !== '')) kept.pop();
    else kept.push(part);
  }
  return root + kept.join('/') || '.';
}

function relative(path: string, start: string): string {
  if (!path.startsWith('/') || !start.startsWith('/')) fail('relpath needs two absolute paths');
  const [to, from] = [normal(path), normal(start)].map((one) =>
    one.split('/').filter((part) => part !== ''),
  );
  if (to === undefined || from === undefined) return '.';
  const differs = to.findIndex((part, index) => part !== from[index]);
  const shared = differs < 0 ? to.length : differs;
  const up = from.slice(Math.min(shared, from.length)).map(() => '..');
  return [...up, ...to.slice(Math.min(shared, from.length))].join('/') || '.';
}

function common(paths: readonly string[]): string {
  if (paths.length === 0) fail('commonpath() arg is an empty sequence');
  const absolute = paths.every((path) => path.startsWith('/'));
  if (!absolute && paths.some((path) => path.startsWith('/')))
    fail("Can't mix absolute and relative paths");
  const split = paths.map((path) => path.split('/').filter((part) => part !== '' && part !== '.'));
  const [first = []] = split;
  const end = first.findIndex((part, index) => !split.every((other) => other[index] === part));
  return (absolute ? '/' : '') + first.slice(0, end < 0 ? first.length : end).join('/');
}

function urlParts(url: string): ReadonlyMap<string, PyValue> {
  const [, scheme = '', afterScheme = ''] =
    /^(?:([a-zA-Z][a-zA-Z\d+.-]*):)?([\s\S]*)$/.exec(url) ?? [];
  const [, netloc = '', path = '', query = '', fragment = ''] =
    /^(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#([\s\S]*))?$/.exec(afterScheme) ?? [];
  const at = netloc.lastIndexOf('@');
  const [username, password] = at < 0 ? [] : netloc.slice(0, at).split(/:([\s\S]*)/);
  const [, hostname, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(netloc.slice(at + 1)) ?? [];
  return new Map<string, PyValue>([
    ['fragment', fragment],
    [
      'hostname',
      hostname === undefined || hostname === ''
        ? null
        : hostname.replace(/^\[|\]$/g, '').toLowerCase(),
    ],
    ['netloc', netloc],
    ['password', password ?? null],
    ['path', path],
    ['port', port === undefined || port === '' ? null : int(Number(port))],
    ['query', query],
    ['scheme', scheme.toLowerCase()],
    ['username', username ?? null],
  ]);
}

const onText = (of: (value: string) => PyValue): Callable =>
  define('', (value) => of(textArg(value, 'a path')));
const textsOf = (value: PyValue): readonly string[] =>
  typeof value === 'string'
    ? [value]
    : walk(value).map((part) => textArg(part, 'a part of the path'));

/** The path without its last part and the separators before it. */
function windowsParent(path: string): string {
  let end = Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/'));
  if (end < 0) return path;
  while (/[\\/]/.test(path.charAt(end - 1))) end -= 1;
  return path.slice(0, end);
}

export const pathFilters: Readonly<Record<string, Callable>> = {
  basename: onText(basename),
  dirname: onText(dirname),
  splitext: onText((value) => tuple(splitExtension(value))),
  path_join: define('', (value) => joinPaths(textsOf(value))),
  normpath: onText(normal),
  relpath: define('start', (value, { at }) => relative(text(value), textArg(at(0), 'start'))),
  commonpath: define('', (value) => common(textsOf(value))),
  win_basename: onText((value) =>
    value.slice(Math.max(value.lastIndexOf('\\'), value.lastIndexOf('/')) + 1),
  ),
  win_dirname: onText(windowsParent),
  urlsplit: define('query?', (value, { at }) => {
    const [parts, wanted] = [urlParts(text(value)), textArg(at(0), 'the part', '')];
    if (wanted === '') return dictOf(parts);
    const found = parts.get(wanted);
    return found === undefined ? fail(`urlsplit: unknown URL component '${wanted}'`) : found;
  }),
};
