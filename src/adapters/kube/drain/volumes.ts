// Finds volumes that a node has mounted although no pod on it uses them. A reboot must wait until
// they are unmounted.
import { type Failure, type Outcome, ok } from '../../../model/run/failure.ts';
import { isMapping } from '../../../model/value.ts';
import type { Api } from '../client/api.ts';
import type { PodObject } from '../objects/objects.ts';
import type { Reason } from '../objects/pod-status.ts';

/**
 * Fields of a volume source that are the end of its unique name: `kubernetes.io/csi/DRIVER^HANDLE`,
 * `kubernetes.io/rbd/POOL:IMAGE`.
 */
const identities = [
  'volumeHandle',
  'volumeID',
  'pdName',
  'diskURI',
  'volumePath',
  'image',
] as const;

/**
 * Identities from a pod's volume or the spec of a PersistentVolume. The in-tree name of an EBS
 * volume starts with its zone, the CSI name does not.
 */
const identitiesOf = (spec: object): readonly string[] =>
  Object.values(spec)
    .filter(isMapping)
    .flatMap((source) => identities.map((field) => source[field]))
    .filter((id) => typeof id === 'string')
    .map((id) => (id.startsWith('aws://') ? id.slice(id.lastIndexOf('/') + 1) : id));

const names = (unique: string, id: string): boolean =>
  ['/', ':', '^'].some((before) => unique.endsWith(before + id));

function claimsOf(pod: PodObject): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    const claim =
      ephemeral === undefined ? persistentVolumeClaim?.claimName : `${pod.metadata?.name}-${name}`;
    return claim === undefined ? [] : [claim];
  });
}

async function claimed(
  api: Api,
  namespace: string,
  claim: string,
  signal: AbortSignal,
): Promise<Outcome<readonly string[]>> {
  const bound = await api.claim(namespace, claim, signal);
  if (!bound.ok) return bound;
  const volume = await api.volume(bound.value.spec?.volumeName ?? '', signal);
  return volume.ok ? ok(identitiesOf(volume.value.spec ?? {})) : volume;
}

/**
 * `pods`: all pods on the node. A volume of a claim that may not be read counts as unused: the
 * drain waits for it.
 */
export async function strayVolumes(
  api: Api,
  inUse: readonly string[],
  pods: readonly PodObject[],
  signal: AbortSignal,
): Promise<readonly Reason[]> {
  if (inUse.length === 0) return [];
  const used = pods.flatMap((pod) => (pod.spec?.volumes ?? []).flatMap(identitiesOf));
  let unread: Failure | undefined;
  for (const pod of pods) {
    for (const claim of claimsOf(pod)) {
      const ids = await claimed(api, pod.metadata?.namespace ?? 'default', claim, signal);
      if (ids.ok) used.push(...ids.value);
      else unread ??= ids.failure;
    }
  }
  const why =
    unread === undefined
      ? 'mounted, and no pod uses it'
      : `mounted, and whose it is cannot be read: ${unread.message}`;
  return inUse
    .filter((unique) => !used.some((id) => names(unique, id)))
    .map((unique) => ({ name: `volume ${unique}`, why }));
}
