// Module setup: kmend reads facts before each task, so nothing is left to do.
import { anyValue, asArgs, type Infer, listOf, object, text } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';

const unused = 'Accepted, as in Ansible: kmend reads the facts that tasks use.';
const args = object({
  gather_subset: listOf(text).optional().describe(unused),
  filter: listOf(text).optional().describe(unused),
  gather_timeout: anyValue.optional().describe(unused),
  fact_path: text.optional().describe(unused),
});
type Args = Infer<typeof args>;

export const setup = defineModule<Args>({
  name: 'setup',
  summary: 'Accepted: facts are read before each task.',
  example: `- name: Read facts
  setup:
    gather_subset: [min]
`,
  notes:
    'Facts are read before the first task, and again after each change. The task registers nothing of them: use their names.',
  args: asArgs(args),
  maxRisk: 'none',
  facts: () => [],
  plan: () => ({ changes: [], note: 'facts are read before each task' }),
});
