// Modules package_facts and service_facts: all packages and all services of a host, as Ansible's
// facts.
import type { FactView } from '../../model/fact.ts';
import type { ModulePlan } from '../../model/run/change.ts';
import { asArgs, object } from '../../model/shape/schema.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { Mapping } from '../../model/value.ts';
import { defineModule } from '../define.ts';
import { packagesIn, servicesIn } from './fact-lists.ts';
import packageScript from './package-facts.sh';
import { answerOf, lastWords, readingWant, unreadPlan } from './reading.ts';
import serviceScript from './service-facts.sh';

const note = `Read in a plan, as by \`stat\`: a \`when\` over it is decided there. Behind a task that changes the host it is *later*. The list is in the journal, as what \`set_fact\` sets.`;

interface List {
  readonly script: string;
  /** Seconds. */
  readonly timeout: number;
  readonly missing: string;
  readonly read: (said: string) => Mapping;
  /** The variables that have the list. */
  readonly names: readonly string[];
}

const packages: List = {
  script: scriptText(packageScript),
  timeout: 120,
  missing: 'no package manager was found: neither dpkg nor rpm',
  read: packagesIn,
  names: ['ansible_facts.packages'],
};

const services: List = {
  script: scriptText(serviceScript),
  timeout: 60,
  missing: 'no systemd was found',
  read: servicesIn,
  names: ['ansible_facts.services', 'services'],
};

const planOf = (list: List, facts: FactView): ModulePlan => {
  const answer = answerOf(list.script, facts);
  if (answer.rc === 3) return unreadPlan(list.missing);
  if (answer.rc !== 0) return unreadPlan(lastWords(answer) || `ended with ${answer.rc}`);
  const value = list.read(answer.stdout);
  return {
    changes: [],
    sets: Object.fromEntries(list.names.map((name) => [name, value])),
    note: `sets ${list.names.join(', ')}: ${Object.keys(value).length} of them`,
  };
};

/** What both modules do alike. */
const partsOf = (list: List) => ({
  args: asArgs(object({})),
  reads: true,
  setsNames: list.names,
  maxRisk: 'none' as const,
  facts: () => [readingWant(list.script, list.timeout)],
  plan: (_: object, facts: FactView): ModulePlan => planOf(list, facts),
});

export const packageFacts = defineModule<object>({
  ...partsOf(packages),
  name: 'package_facts',
  summary: 'Reads all packages of a host into `ansible_facts.packages`.',
  example: `- name: What is installed
  package_facts: {}
`,
  notes: `\`'docker-ce' in ansible_facts.packages\`, \`ansible_facts.packages['vim'][0].version\`. ${note}

There is no variable \`packages\` beside it: \`packages.manager\` and others are facts of kmend. \`origin\` of apt is not read.`,
});

export const serviceFacts = defineModule<object>({
  ...partsOf(services),
  name: 'service_facts',
  summary: 'Reads all services of a host into `ansible_facts.services` and `services`.',
  example: `- name: What runs
  service_facts: {}
`,
  notes: `Services of systemd: \`services['docker.service'].state == 'running'\`. ${note}`,
});
