// Module debug: prints a text in the plan and in the report.
import { anyValue, asArgs, type Infer, object, shorthand } from '../../model/shape/schema.ts';
import type { Value } from '../../model/value.ts';
import { defineModule } from '../define.ts';

const long = object({
  msg: anyValue.describe('What to say: text, or any value such as "{{ kmem.causes }}".'),
});
type Args = Infer<typeof long>;

const args = shorthand((short) => ({ msg: short }), long);

const textOf = (value: Value): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

export const debug = defineModule<Args>({
  name: 'debug',
  summary: 'Says something in the plan and in the report.',
  example: `- name: What would fix this host
  debug:
    msg: "{{ kmem.remedy }}: {{ kmem.remedy_why }}"
`,
  args: asArgs(args),
  delegable: 'anywhere',
  maxRisk: 'none',
  facts: () => [],
  plan: ({ msg }) => ({ changes: [], note: textOf(msg), result: { msg } }),
});
