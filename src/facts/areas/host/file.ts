// Area file (with a path, and `text` where its content is wanted): what is at a path of the host.
import { allOf, type Facts, fact } from '../../../model/fact.ts';
import type { FileState } from '../../../model/facts/values.ts';
import { quote } from '../../../model/text/quote.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { type Mapping, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { type Fields, readFields } from '../../fields.ts';
import { longestFile } from '../../limits.ts';
import script from './file.sh';

const pathOf = (args: Mapping): string =>
  typeof args.path === 'string' ? args.path.replaceAll('\0', '') : '';

export const fileArea: Area = {
  name: 'file',
  script: (args) =>
    scriptText(script, {
      path: quote(pathOf(args)),
      text: args.text === true ? 'yes' : '',
      most: longestFile,
    }),
  maxBytes: 4 * longestFile,
  parse: (text, { cut, args }) => {
    const path = pathOf(args);
    const fields = readFields(text);
    const denied = fields.has('denied') ? 'this user may not read it' : undefined;
    const why = denied ?? (cut ? 'the answer is truncated' : undefined);
    return allOf([
      fact(`file.${path}.state`, why === undefined ? stateOf(path, fields) : unknown(why)),
      args.text === true ? textFact(path, fields, why) : {},
    ]);
  },
};

function stateOf(path: string, fields: Fields): FileState {
  const [mode = '', uid = '', gid = '', size = '', owner = '', group = ''] = fields
    .text('stat')
    .split(' ');
  const kind = fields.text('kind');
  return {
    kind: kind === 'file' || kind === 'directory' || kind === 'other' ? kind : 'absent',
    mode: mode === '' ? '' : mode.padStart(4, '0'),
    owner: nameOf(owner, uid),
    group: nameOf(group, gid),
    uid: Number(uid),
    gid: Number(gid),
    size: Number(size),
    sha256: fields.text('sha256'),
    link: fields.text('link'),
    real: fields.text('real') || path,
    filled: fields.has('filled'),
    parent: fields.has('parent'),
  };
}

const nameOf = (name: string, id: string): string =>
  name === '' || name === 'UNKNOWN' ? id : name;

function textFact(path: string, fields: Fields, denied: string | undefined): Facts {
  const name = `file.${path}.text` as const;
  if (denied !== undefined) return fact(name, unknown(denied));
  const bytes = fields.all('x').flatMap((line) => line.match(/[\da-f]{2}/g) ?? []);
  const text = fields.has('long') ? undefined : utf8(bytes);
  const why = fields.has('long') ? `it has more than ${longestFile} bytes` : 'it is not UTF-8 text';
  return fact(name, text === undefined ? { text: '', why } : { text, why: '' });
}

/** The text in these hexadecimal digits; undefined where they are no text. */
function utf8(bytes: readonly string[]): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(bytes, (digits) => Number.parseInt(digits, 16)),
    );
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
