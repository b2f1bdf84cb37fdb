// Filters between data and text: JSON, YAML (only writing), base64, checksums and times.

import { flagArg, textArg, wholeArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { type Bound, type Callable, define } from '../python/callable.ts';
import { formatDatetime, parseDatetime } from '../python/datetime.ts';
import { digest, uuid } from '../python/digest.ts';
import { type JsonStyle, readJson, writeJson } from '../python/json.ts';
import { numeric } from '../python/numbers.ts';
import { text } from '../python/printing.ts';
import { datetime, isPyList, isTuple, type PyValue, touch, typeName } from '../python/py-value.ts';
import { walk } from '../python/sequences.ts';
import { writeYaml } from '../python/yaml-text.ts';

const given = (value: PyValue | undefined): PyValue | undefined =>
  value === null ? undefined : value;

function styleOf(extra: ReadonlyMap<string, PyValue>, usual: JsonStyle): JsonStyle {
  const known = [
    'indent',
    'sort_keys',
    'ensure_ascii',
    'separators',
    'vault_to_text',
    'preprocess_unsafe',
    'profile',
  ];
  const unknownName = [...extra.keys()].find((key) => !known.includes(key));
  if (unknownName !== undefined) fail(`JSON has no option '${unknownName}'`);
  const indent = given(extra.get('indent'));
  const wide =
    indent === undefined
      ? usual.indent
      : typeof indent === 'string'
        ? indent
        : ' '.repeat(Math.min(64, Math.max(0, wholeArg(indent, 'indent'))));
  const separators = given(extra.get('separators'));
  const [item, key] =
    separators === undefined
      ? []
      : isTuple(separators) || isPyList(separators)
        ? walk(separators)
        : fail('separators must be a pair');
  return {
    indent: wide,
    sortKeys: flagArg(extra.get('sort_keys'), usual.sortKeys),
    ascii: flagArg(extra.get('ensure_ascii'), usual.ascii),
    item: item === undefined ? (wide === undefined ? ', ' : ',') : textArg(item, 'the separator'),
    key: key === undefined ? ': ' : textArg(key, 'the separator'),
  };
}

const json = (value: PyValue, { extra }: Bound, usual: Partial<JsonStyle>): string =>
  writeJson(
    value,
    styleOf(extra, {
      indent: undefined,
      sortKeys: false,
      ascii: true,
      item: ', ',
      key: ': ',
      ...usual,
    }),
  );

/** Escapes the characters that a script tag may not contain, for `tojson`. */
const htmlSafe = (body: string): string =>
  body.replace(/[<>&']/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

function bytesOf(value: string, encoding: string): Uint8Array {
  const name = encoding.toLowerCase().replaceAll('_', '-');
  if (name === 'utf-8' || name === 'utf8') return new TextEncoder().encode(value);
  const codes = Array.from({ length: value.length }, (_, index) => value.charCodeAt(index));
  if (name === 'utf-16-le') return new Uint8Array(codes.flatMap((code) => [code & 255, code >> 8]));
  if (name === 'ascii' || name === 'latin-1' || name === 'iso-8859-1') {
    return codes.some((code) => code > (name === 'ascii' ? 127 : 255))
      ? fail(`the text cannot be written in ${encoding}`)
      : new Uint8Array(codes);
  }
  return fail(`unknown encoding: ${encoding}`);
}

function textOf(bytes: Uint8Array, encoding: string): string {
  const name = encoding.toLowerCase().replaceAll('_', '-');
  const known = {
    'utf-16-le': 'utf-16le',
    utf8: 'utf-8',
    'utf-8': 'utf-8',
    ascii: 'utf-8',
    'latin-1': 'latin1',
    'iso-8859-1': 'latin1',
  }[name];
  if (known === undefined) return fail(`unknown encoding: ${encoding}`);
  try {
    return new TextDecoder(known, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail(`the decoded bytes are not ${encoding} text`);
  }
}

function encode(value: string, encoding: string): string {
  reserve(value.length * 2);
  return btoa(Array.from(bytesOf(value, encoding), (byte) => String.fromCharCode(byte)).join(''));
}

function decode(value: string, encoding: string): string {
  const digits = value.replace(/[^A-Za-z\d+/=]/g, '');
  const end = digits.indexOf('=');
  const body = end < 0 ? digits : digits.slice(0, end);
  if (body.length % 4 === 1 || (body.length % 4 !== 0 && digits.length % 4 !== 0))
    return fail('the text is not base64: wrong padding');
  return textOf(
    Uint8Array.from(atob(body), (char) => char.charCodeAt(0)),
    encoding,
  );
}

const hash = (algorithm: string): Callable => define('', (value) => digest(text(value), algorithm));

export const codingFilters: Readonly<Record<string, Callable>> = {
  to_json: define('**', (value, bound) => json(value, bound, {})),
  to_nice_json: define('**', (value, bound) =>
    json(value, bound, { indent: '    ', sortKeys: true }),
  ),
  tojson: define('indent?', (value, { at }) => {
    const indent = given(at(0));
    const lead =
      indent === undefined
        ? undefined
        : ' '.repeat(Math.min(64, Math.max(0, wholeArg(indent, 'indent'))));
    return htmlSafe(
      writeJson(value, {
        indent: lead,
        sortKeys: true,
        ascii: true,
        item: lead === undefined ? ', ' : ',',
        key: ': ',
      }),
    );
  }),
  from_json: define('', (value) =>
    typeof value === 'string'
      ? readJson(value)
      : fail(`from_json needs text, not ${typeName(value)}`),
  ),
  to_yaml: define('indent? sort_keys?', (value, { at }) =>
    writeYaml(value, {
      flowLeaves: true,
      indent: wholeArg(given(at(0)), 'indent', 2),
      sortKeys: flagArg(at(1), true),
    }),
  ),
  to_nice_yaml: define('indent? sort_keys?', (value, { at }) =>
    writeYaml(value, {
      flowLeaves: false,
      indent: wholeArg(given(at(0)), 'indent', 4),
      sortKeys: flagArg(at(1), true),
    }),
  ),
  b64encode: define('encoding?', (value, { at }) =>
    encode(text(value), textArg(at(0), 'encoding', 'utf-8')),
  ),
  b64decode: define('encoding?', (value, { at }) =>
    decode(text(value), textArg(at(0), 'encoding', 'utf-8')),
  ),
  md5: hash('md5'),
  sha1: hash('sha1'),
  checksum: hash('sha1'),
  hash: define('hashtype?', (value, { at }) =>
    digest(text(value), textArg(at(0), 'hashtype', 'sha1')),
  ),
  to_uuid: define('namespace?', (value, { at }) =>
    uuid(text(value), textArg(at(0), 'namespace', '361E6D51-FAEC-444A-9079-341386DA8E2E')),
  ),
  to_datetime: define('format?', (value, { at }) =>
    datetime(
      parseDatetime(textArg(value, 'the time'), textArg(at(0), 'format', '%Y-%m-%d %H:%M:%S')),
    ),
  ),
  // Requires a time: without one it would read the clock, which an expression may not do.
  strftime: define('second utc?', (value, { at }) => {
    const seconds = numeric(touch(at(0) ?? null));
    return formatDatetime(
      Math.round(
        Number(seconds?.value ?? fail('strftime needs the seconds since 1970')) * 1_000_000,
      ),
      text(value),
    );
  }),
};
