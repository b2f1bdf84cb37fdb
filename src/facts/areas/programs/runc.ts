// Area runc: the runc that starts the containers, and whether the host has containerd.
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import { changedAt, times } from '../../times.ts';
import runc from './runc.sh';

/** The upstream version in that of a Debian package. */
const packaged = /^(?:\d+:)?([^-]+(?:-.+(?=-))?)/;

export const runcArea: Area = {
  name: 'runc',
  script: scriptText(runc),
  quick: true,
  printedBy: times,
  maxBytes: 65_536,
  parse: (text) => {
    const fields = readFields(text);
    const says = fields.all('says').join('\n');
    return {
      'runc.installed': fields.has('path'),
      'runc.version':
        (/^runc version (\S+)/m.exec(says) ?? packaged.exec(fields.text('package')))?.[1] ?? '',
      'runc.commit': /^commit: (\S+)/m.exec(says)?.[1] ?? '',
      'runc.path': fields.text('path'),
      'runc.changed_at': changedAt(fields, fields.text('path')),
      'containerd.installed': fields.has('bundled') || fields.has('containerd'),
      'containerd.bundled': fields.has('bundled'),
    };
  },
};
