// Area path (with a path): is there such a file.
import { quote } from '../../../model/text/quote.ts';
import type { Mapping } from '../../../model/value.ts';
import type { Area } from '../../area.ts';

const pathOf = (args: Mapping): string => (typeof args.path === 'string' ? args.path.replaceAll('\0', '') : '');

export const pathArea: Area = {
  name: 'path',
  facts: [{ name: 'path.*.exists', lifetime: 'disk', summary: 'there is a file, directory or dangling link of this name', example: true }],
  script: (args) => `p=$R${quote(pathOf(args))}; if [ -e "$p" ] || [ -L "$p" ]; then echo exists; fi`,
  maxBytes: 64,
  parse: (text, { args }) => ({ [`path.${pathOf(args)}.exists`]: text.startsWith('exists') }),
};
