// Area service (with a name): whether a systemd unit runs, whether it starts at boot, and whether
// it is masked.
import { fact } from '../../../model/fact.ts';
import { quote } from '../../../model/text/quote.ts';
import { type Mapping, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';

export const nameOf = (args: Mapping): string =>
  typeof args.name === 'string' ? args.name.replaceAll('\0', '') : '';

export const serviceArea: Area = {
  name: 'service',
  script: (args) => `has systemctl || return 0
a=$($T systemctl is-active -- ${quote(nameOf(args))}); e=$($T systemctl is-enabled -- ${quote(nameOf(args))})
printf 'active %s\\nenabled %s\\n' "$a" "$e"`,
  maxBytes: 4096,
  parse: (text, { args }) => {
    const [name, fields] = [nameOf(args), readFields(text)];
    const [active, enabled] = [fields.text('active'), fields.text('enabled')];
    return {
      ...fact(
        `service.${name}.active`,
        active === '' ? unknown('systemctl did not answer') : active === 'active',
      ),
      // is-enabled prints only an error for a unit that does not exist.
      ...fact(
        `service.${name}.enabled`,
        /^(enabled|enabled-runtime|static|indirect|generated|alias)$/.test(enabled),
      ),
      ...fact(`service.${name}.masked`, enabled.startsWith('masked')),
    };
  },
};
