// Finds the admission webhooks and policies whose configuration covers evictions. Pure.
import type { LabelSelector } from './objects.ts';
import { selects } from './selector.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly operations?: readonly string[];
  readonly resources?: readonly string[];
  readonly scope?: string;
}

interface Selectors {
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
}

/**
 * A ValidatingWebhookConfiguration, a MutatingWebhookConfiguration or a ValidatingAdmissionPolicy.
 */
export interface AdmissionObject {
  readonly metadata?: { readonly name?: string };
  readonly webhooks?: readonly (Selectors & {
    readonly name?: string;
    readonly failurePolicy?: string;
    readonly clientConfig?: { readonly service?: Service; readonly url?: string };
    readonly rules?: readonly Rule[];
  })[];
  readonly spec?: {
    readonly matchConstraints?: Selectors & { readonly resourceRules?: readonly Rule[] };
  };
}

interface Service {
  readonly namespace: string;
  readonly name: string;
}

export interface EvictionWebhook {
  readonly name: string;
  /** No answer is a refusal: failurePolicy Fail, the default. */
  readonly required: boolean;
  readonly service?: Service;
  readonly byUrl: boolean;
  /** It covers only some namespaces. Their labels are not read. */
  readonly selective: boolean;
}

const has = (list: readonly string[] | undefined, ...wanted: readonly string[]): boolean =>
  wanted.some((item) => list?.includes(item));

const seesEvictions = (rule: Rule): boolean =>
  has(rule.apiGroups, '', '*') &&
  has(rule.operations, 'CREATE', '*') &&
  has(rule.resources, 'pods/eviction', 'pods/*', '*/*', '*/eviction') &&
  rule.scope !== 'Cluster';

const isEmpty = (selector: LabelSelector | undefined): boolean =>
  selector === undefined || selects(selector, {}, true);

/**
 * Admission sees the Eviction object, not the pod. It has no labels, so that a selector which
 * requires one never matches.
 */
const mayBeAsked = (rules: readonly Rule[] | undefined, { objectSelector }: Selectors): boolean =>
  (rules ?? []).some(seesEvictions) && isEmpty(objectSelector);

const isSelective = ({ namespaceSelector }: Selectors): boolean =>
  Object.keys(namespaceSelector?.matchLabels ?? {}).length +
    (namespaceSelector?.matchExpressions ?? []).length >
  0;

/**
 * Webhooks and policies that may refuse an eviction, by their rules or because they do not answer.
 */
export function evictionWebhooks(objects: readonly AdmissionObject[]): readonly EvictionWebhook[] {
  return objects.flatMap(({ metadata, webhooks, spec }): readonly EvictionWebhook[] => {
    const constraints = spec?.matchConstraints ?? {};
    const policy = mayBeAsked(spec?.matchConstraints?.resourceRules, constraints)
      ? [
          {
            name: metadata?.name ?? '?',
            required: false,
            byUrl: false,
            selective: isSelective(constraints),
          },
        ]
      : [];
    const asked = (webhooks ?? []).filter((webhook) => mayBeAsked(webhook.rules, webhook));
    return [
      ...policy,
      ...asked.map((webhook) => {
        const service = webhook.clientConfig?.service;
        return {
          name: webhook.name ?? metadata?.name ?? '?',
          required: webhook.failurePolicy !== 'Ignore',
          byUrl: webhook.clientConfig?.url !== undefined,
          selective: isSelective(webhook),
          ...(service === undefined
            ? {}
            : { service: { namespace: service.namespace, name: service.name } }),
        };
      }),
    ];
  });
}

/** True: the service has a ready address. */
export const answers = (endpoints: {
  readonly subsets?: readonly { readonly addresses?: readonly unknown[] }[] | null;
}): boolean => (endpoints.subsets ?? []).some((subset) => (subset.addresses ?? []).length > 0);
