// The rights of docs/rbac.yaml as data, and the check which of them the account lacks.
import { type Outcome, ok } from '../../../model/run/failure.ts';
import type { Api, Right } from './api.ts';

/**
 * `rollout`: cordon, drain and uncordon. `forecast`: what a plan reads beyond that. `evict`: evict
 * pods. Optional: `delete` (disable_eviction, fallback_without_eviction), `watch` (fewer lists of
 * pods), `events` (on nodes) and `surge` (single_replica).
 */
export type Role = 'rollout' | 'forecast' | 'evict' | 'delete' | 'watch' | 'events' | 'surge';

export const rights: Readonly<Record<Role, readonly Right[]>> = {
  rollout: [
    { verb: 'get', group: '', resource: 'nodes' },
    { verb: 'patch', group: '', resource: 'nodes' },
    { verb: 'list', group: '', resource: 'pods' },
    { verb: 'create', group: '', resource: 'pods', subresource: 'eviction' },
    { verb: 'get', group: 'apps', resource: 'daemonsets' },
  ],
  forecast: [
    { verb: 'get', group: '', resource: 'nodes' },
    { verb: 'list', group: '', resource: 'nodes' },
    { verb: 'list', group: '', resource: 'pods' },
    { verb: 'get', group: 'apps', resource: 'daemonsets' },
    { verb: 'list', group: 'apps', resource: 'deployments' },
    { verb: 'list', group: 'policy', resource: 'poddisruptionbudgets' },
    { verb: 'get', group: '', resource: 'endpoints' },
    {
      verb: 'list',
      group: 'admissionregistration.k8s.io',
      resource: 'validatingwebhookconfigurations',
    },
    {
      verb: 'list',
      group: 'admissionregistration.k8s.io',
      resource: 'mutatingwebhookconfigurations',
    },
    {
      verb: 'list',
      group: 'admissionregistration.k8s.io',
      resource: 'validatingadmissionpolicies',
    },
    { verb: 'list', group: '', resource: 'persistentvolumes' },
  ],
  evict: [{ verb: 'create', group: '', resource: 'pods', subresource: 'eviction' }],
  delete: [{ verb: 'delete', group: '', resource: 'pods' }],
  watch: [{ verb: 'watch', group: '', resource: 'pods' }],
  events: (['create', 'patch'] as const).map((verb) => ({
    verb,
    group: '',
    resource: 'events',
    namespace: 'default',
  })),
  surge: [
    { verb: 'list', group: 'policy', resource: 'poddisruptionbudgets' },
    { verb: 'get', group: 'apps', resource: 'replicasets' },
    { verb: 'get', group: 'apps', resource: 'deployments' },
    { verb: 'patch', group: 'apps', resource: 'deployments' },
    { verb: 'list', group: 'autoscaling', resource: 'horizontalpodautoscalers' },
  ],
};

const format = ({ verb, group, resource, subresource }: Right): string =>
  `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}${group === '' ? '' : `.${group}`}`;

export async function missingRights(
  api: Api,
  role: Role,
  signal?: AbortSignal,
): Promise<Outcome<readonly string[]>> {
  const answers = await Promise.all(
    rights[role].map(async (right) => ({ right, may: await api.hasRight(right, signal) })),
  );
  const missing: string[] = [];
  for (const { right, may } of answers) {
    if (!may.ok) return may;
    if (!may.value) missing.push(format(right));
  }
  return ok(missing);
}
