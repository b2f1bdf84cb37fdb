// Facts of files for the tables of the modules of files.
import { createHash } from 'node:crypto';
import { allOf, type Facts, fact } from '../../src/model/fact.ts';
import type { FileState } from '../../src/model/facts/values.ts';

export const nothing: FileState = {
  ...{ kind: 'absent', mode: '', owner: '', group: '', uid: 0, gid: 0, size: 0, sha256: '' },
  ...{ link: '', real: '/etc/f', filled: false, parent: true },
};

const sum = (text: string): string => createHash('sha256').update(text).digest('hex');

export const fileState = (text: string, more: Partial<FileState> = {}): FileState => ({
  ...nothing,
  ...{ kind: 'file', mode: '0644', owner: 'root', group: 'root', size: text.length },
  sha256: sum(text),
  ...more,
});

/** A file with this text; `undefined` = there is none. */
export const fileFacts = (
  text: string | undefined,
  more: Partial<FileState> = {},
  path = '/etc/f',
): Facts =>
  allOf([
    fact(
      `file.${path}.state`,
      text === undefined
        ? { ...nothing, real: path, ...more }
        : fileState(text, { real: path, ...more }),
    ),
    fact(`file.${path}.text`, { text: text ?? '', why: '' }),
  ]);
