// Area service (with a name): does a systemd unit run, and does it start at boot.
import { quote } from '../../../model/text/quote.ts';
import { type Mapping, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';

export const nameOf = (args: Mapping): string => (typeof args.name === 'string' ? args.name.replaceAll('\0', '') : '');

export const serviceArea: Area = {
  name: 'service',
  facts: [
    { name: 'service.*.active', lifetime: 'boot', summary: 'systemctl is-active says active', example: true },
    {
      name: 'service.*.enabled',
      lifetime: 'disk',
      summary: 'systemctl is-enabled says enabled (or static, indirect, generated)',
      example: true,
    },
  ],
  script: (args) => `has systemctl || return 0
a=$($T systemctl is-active -- ${quote(nameOf(args))}); e=$($T systemctl is-enabled -- ${quote(nameOf(args))})
printf 'active %s\\nenabled %s\\n' "$a" "$e"`,
  maxBytes: 4096,
  parse: (text, { args }) => {
    const fields = readFields(text);
    const [active, enabled] = [fields.text('active'), fields.text('enabled')];
    return {
      [`service.${nameOf(args)}.active`]: active === '' ? unknown('systemctl did not answer') : active === 'active',
      // is-enabled prints nothing but an error for a unit that does not exist.
      [`service.${nameOf(args)}.enabled`]: /^(enabled|enabled-runtime|static|indirect|generated|alias)$/.test(enabled),
    };
  },
};
