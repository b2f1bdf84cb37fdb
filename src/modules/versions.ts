// Module versions: checks that kernel, docker, containerd, runc and kubelet of a host are in the
// ranges that the play wants.
import { engineVersion } from '../facts/kmem/programs/docker.ts';
import { type FactView, need } from '../model/fact.ts';
import type { ModulePlan } from '../model/run/change.ts';
import { asArgs, flag, type Infer, object, oneOf, text } from '../model/shape/schema.ts';
import {
  type Compare,
  compareDeb,
  compareKubernetes,
  compareRpm,
  compareUpstream,
  isRange,
  versionInRange,
} from '../model/text/versions.ts';
import type { Mapping } from '../model/value.ts';
import { defineModule } from './define.ts';

/** `isRange` accepts any word as a version; here it must have a number. */
const isVersionRange = (words: string): boolean =>
  isRange(words) && (words.match(/[^\s,|<>=!]+/g) ?? []).every((word) => /^v?\d/.test(word));

const range = text.refine(
  isVersionRange,
  'should be a range of versions such as ">=17.06 <19" or "<1.21 || >=1.21.2"',
);

const args = object({
  kernel: range.optional().describe('The running kernel, in the order of rpm: ">=3.10.0-1062".'),
  docker: range.optional().describe('The running engine; where it does not run, its package.'),
  containerd: range.optional().describe('The package of containerd.'),
  runc: range.optional().describe('What runc says: "<1.0.0-rc94".'),
  kubelet: range.optional().describe('In the order of Kubernetes.'),
  otherwise: oneOf('refuse', 'fail', 'report')
    .default('refuse')
    .describe('A host outside a range is not touched, ends as failed, or is only reported.'),
  allow_absent: flag.default(false).describe('Software that is not there lies in every range.'),
});
type Args = Infer<typeof args>;

const names = ['kernel', 'docker', 'containerd', 'runc', 'kubelet'] as const;
type Name = (typeof names)[number];

function found(name: Name, facts: FactView): string {
  switch (name) {
    case 'kernel':
      return need(facts, 'kernel.release').replace(
        /\.(?:x86_64|i686|aarch64|ppc64le|ppc64|s390x)$/,
        '',
      );
    case 'docker':
      return (
        need(facts, 'docker.version') ||
        engineVersion(need(facts, 'docker.evr')) ||
        need(facts, 'docker.client')
      );
    case 'containerd':
      return need(facts, 'containerd.evr');
    case 'runc':
      return need(facts, 'runc.version');
    case 'kubelet':
      return need(facts, 'kubelet.version');
  }
}

const orders: Readonly<Record<Name, (facts: FactView) => Compare>> = {
  kernel: () => compareRpm,
  docker: () => compareUpstream,
  containerd: (facts) => (facts.get('packages.manager') === 'apt' ? compareDeb : compareRpm),
  runc: () => compareUpstream,
  kubelet: () => compareKubernetes,
};

function plan(given: Args, facts: FactView): ModulePlan {
  const asked = names.filter((name) => given[name] !== undefined);
  const reported = asked.length === 0 ? names : asked;
  const table = Object.fromEntries(reported.map((name) => [name, found(name, facts)]));
  const wrong = asked.flatMap((name) => complaint(name, table[name] ?? '', given, facts));
  const result: Mapping = { versions: table, out_of_range: wrong };
  const note = reported.map((name) => `${name} ${table[name] || 'absent'}`).join(', ');
  if (wrong.length === 0) return { changes: [], note, result };
  const why = wrong.join('; ');
  switch (given.otherwise) {
    case 'refuse':
      return {
        changes: [],
        refuse: { why, hint: 'leave this host out, or widen the range in the play' },
        result,
      };
    case 'fail':
      return { changes: [], unmet: { kind: 'not_converged', evidence: why }, result };
    case 'report':
      return { changes: [], note, warnings: wrong, result };
  }
}

function complaint(name: Name, version: string, given: Args, facts: FactView): readonly string[] {
  const wanted = given[name] ?? '';
  if (version === '') return given.allow_absent ? [] : [`${name} is not there, wanted ${wanted}`];
  return versionInRange(version, wanted, orders[name](facts))
    ? []
    : [`${name} is ${version}, wanted ${wanted}`];
}

export const versions = defineModule<Args>({
  name: 'versions',
  summary:
    'Reports the versions of kernel, docker, containerd, runc and kubelet, and holds them against ranges.',
  example: `- name: Only fleets we know
  versions:
    docker: ">=17.06"
    kubelet: "<1.21.2 || >=1.22.0"
    otherwise: refuse
`,
  notes: `Each is compared in its own order: packages and kernels as rpm or dpkg do, docker and runc with \`rc\` before the release, the kubelet as Kubernetes does.
Without any range it only reports. The registered result has \`versions\` and \`out_of_range\`.`,
  args: asArgs(args),
  maxRisk: 'none',
  facts: () => [],
  plan,
});
