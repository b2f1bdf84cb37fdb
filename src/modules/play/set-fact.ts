// Module set_fact: variables for the remaining tasks of this host.
import { factDefs } from '../../model/facts/table.ts';
import { anyMapping, asArgs, type Infer } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';

/** First words of fact names. A variable of that name would hide them all. */
const taken: ReadonlySet<string> = new Set(factDefs.map(({ name }) => name.split('.')[0] ?? name));

const args = anyMapping
  .refine((sets) => Object.keys(sets).length > 0, 'needs at least one variable')
  .refine(
    (sets) => Object.keys(sets).every((name) => /^[A-Za-z_]\w*$/.test(name)),
    'should have names of variables as its keys: letters, digits, _',
  )
  .refine(
    (sets) => !Object.keys(sets).some((name) => taken.has(name) || name.startsWith('kmend_')),
    'would hide facts of that name: take another name',
  );
type Args = Infer<typeof args>;

export const setFact = defineModule<Args>({
  name: 'set_fact',
  summary: "Sets variables for the rest of this host's walk.",
  example: `- name: What this host had before
  set_fact:
    old_cmdline: "{{ boot.cmdline }}"
`,
  args: asArgs(args),
  setsArgs: true,
  delegable: 'anywhere',
  maxRisk: 'none',
  facts: () => [],
  plan: (given) => ({
    changes: [],
    sets: given,
    result: { ansible_facts: given },
    note: `sets ${Object.keys(given).join(', ')}`,
  }),
});
