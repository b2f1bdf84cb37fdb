// Area path (with a path): whether the file exists.
import { fact } from '../../../model/fact.ts';
import { quote } from '../../../model/text/quote.ts';
import type { Mapping } from '../../../model/value.ts';
import type { Area } from '../../area.ts';

const pathOf = (args: Mapping): string =>
  typeof args.path === 'string' ? args.path.replaceAll('\0', '') : '';

export const pathArea: Area = {
  name: 'path',
  script: (args) =>
    `p=$R${quote(pathOf(args))}; if [ -e "$p" ] || [ -L "$p" ]; then echo exists; fi`,
  maxBytes: 64,
  parse: (text, { args }) => fact(`path.${pathOf(args)}.exists`, text.startsWith('exists')),
};
