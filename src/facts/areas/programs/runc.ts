// Area runc: the runc that starts the containers, and whether containerd is there.
import { scriptText } from '../../../model/text/script-text.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import runc from './runc.sh';

export const runcArea: Area = {
  name: 'runc',
  facts: [
    { name: 'runc.installed', lifetime: 'disk', summary: 'there is a runc program', example: true },
    { name: 'runc.version', lifetime: 'disk', summary: 'what runc --version says; it cannot tell how it was built', example: '1.0.0-rc10' },
    { name: 'runc.commit', lifetime: 'disk', summary: 'the commit that it says it was built from', example: '' },
    {
      name: 'runc.path',
      lifetime: 'disk',
      summary: "where it is: Docker's own before 18.09 is called docker-runc; that of k3s or RKE2 where there is no other",
      example: '/usr/bin/runc',
    },
    {
      name: 'runc.changed_at',
      lifetime: 'disk',
      summary: 'when that file was changed, by its ctime; 0 when not known',
      example: 1_794_000_000,
    },
    {
      name: 'containerd.installed',
      lifetime: 'disk',
      summary: 'there is a containerd program, or one that Docker brings along',
      example: true,
    },
    {
      name: 'containerd.bundled',
      lifetime: 'disk',
      summary: "containerd and runc come inside Docker's own package (before 18.09)",
      example: false,
    },
  ],
  script: scriptText(runc),
  maxBytes: 65_536,
  parse: (text) => {
    const fields = readFields(text);
    const says = fields.all('says').join('\n');
    return {
      'runc.installed': fields.has('path'),
      'runc.version': /^runc version (\S+)/m.exec(says)?.[1] ?? '',
      'runc.commit': /^commit: (\S+)/m.exec(says)?.[1] ?? '',
      'runc.path': fields.text('path'),
      'runc.changed_at': fields.number('changed'),
      'containerd.installed': fields.has('bundled') || fields.has('containerd'),
      'containerd.bundled': fields.has('bundled'),
    };
  },
};
