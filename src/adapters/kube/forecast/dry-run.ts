// Asks the API server for its answer to an eviction without performing it (`dryRun`). Only servers
// that obey `dryRun` are asked.
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import type { ServerVersion } from '../client/calls.ts';
import { createSlots, readAnswer } from '../drain/evict.ts';
import { isPodReady, type PodObject } from '../objects/objects.ts';

/** The minor version may be "20+". Text that is not a number counts as no version. */
export function isAtLeast({ major, minor }: ServerVersion, wanted: number): boolean {
  const [first = 0, second = 0] = [major, minor].map((part) => Number.parseInt(String(part), 10));
  return first > 1 || (first === 1 && second >= wanted);
}

/** Servers before 1.15 ignore `dryRun` on evictions, and evict (kubernetes#76943). */
export const obeysDryRun = (version: ServerVersion): boolean => isAtLeast(version, 15);

export type DryRunAnswer =
  | { readonly kind: 'goes' }
  | { readonly kind: 'budget' | 'refused'; readonly why: string }
  /** The server did not say, or was not asked. */
  | { readonly kind: 'unknown'; readonly why: string };

export type DryRun = (
  pods: readonly PodObject[],
  signal?: AbortSignal,
) => Promise<Outcome<ReadonlyMap<PodObject, DryRunAnswer>>>;

const inFlight = 8;
/** Limit of questions. A plan asks once for each kind of pod, and no cluster has so many kinds. */
const mostAsked = 300;

/** Pods of one kind are the same to budgets, selectors and policies. */
const kindOf = (pod: PodObject): string => {
  const { namespace, labels, deletionTimestamp } = pod.metadata ?? {};
  return JSON.stringify([
    namespace,
    labels,
    pod.status?.phase,
    isPodReady(pod),
    deletionTimestamp === undefined,
  ]);
};

/** Asks once for each kind of pod. */
export function createDryRun(
  api: Pick<Api, 'evict' | 'account' | 'isForbidden'>,
  eviction: 'policy/v1' | 'policy/v1beta1',
): DryRun {
  const known = new Map<string, Promise<Outcome<DryRunAnswer>>>();
  const inSlot = createSlots(inFlight);
  let forbidden: DryRunAnswer | undefined;

  async function ask(
    { metadata }: PodObject,
    signal: AbortSignal | undefined,
  ): Promise<Outcome<DryRunAnswer>> {
    const { namespace = 'default', name = '', uid = '' } = metadata ?? {};
    if (forbidden !== undefined) return ok(forbidden);
    const reply = await api.evict(eviction, { namespace, name, uid, signal }, 'dry run');
    if (!reply.ok) return reply;
    const answer = readAnswer(reply.value, api.account, 'create');
    if (answer.kind === 'passing')
      return failed('unreachable', `the API server cannot answer now: ${answer.why}`, {
        transport: true,
      });
    if (answer.kind === 'going' || answer.kind === 'terminating') return ok({ kind: 'goes' });
    if (answer.kind === 'budget') return ok({ kind: 'budget', why: answer.why });
    const refusal: DryRunAnswer = {
      kind: reply.value.status === 400 || api.isForbidden(reply.value) ? 'unknown' : 'refused',
      why: answer.why,
    };
    if (api.isForbidden(reply.value)) forbidden = refusal;
    return ok(refusal);
  }

  return async (pods, signal) => {
    const answers = new Map<PodObject, DryRunAnswer>();
    const asked = pods.map(async (pod): Promise<Outcome<unknown>> => {
      const key = kindOf(pod);
      if (!known.has(key) && known.size >= mostAsked) {
        return ok(
          answers.set(pod, {
            kind: 'unknown',
            why: `not asked: only ${mostAsked} are asked about at once`,
          }),
        );
      }
      const answer = known.get(key) ?? inSlot(() => ask(pod, signal));
      known.set(key, answer);
      const read = await answer;
      if (!read.ok) known.delete(key);
      return read.ok ? ok(answers.set(pod, read.value)) : read;
    });
    const failure = (await Promise.all(asked)).find((one) => !one.ok);
    return failure === undefined || failure.ok ? ok(answers) : failure;
  };
}
