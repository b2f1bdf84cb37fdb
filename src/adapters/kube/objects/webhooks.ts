// Admission webhooks and policies that are asked about evictions, as far as their configuration
// says so. Pure.
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

/** A configuration of webhooks, validating or mutating, or a ValidatingAdmissionPolicy. */
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
  /** Its silence is a refusal: failurePolicy Fail, the default. */
  readonly required: boolean;
  readonly service?: Service;
  readonly byUrl: boolean;
  /** It is asked about some namespaces only, by labels that are not read here. */
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
 * The object that admission sees is the Eviction, not the pod: it has no labels, so a selector that
 * wants one leaves evictions out.
 */
const mayBeAsked = (rules: readonly Rule[] | undefined, { objectSelector }: Selectors): boolean =>
  (rules ?? []).some(seesEvictions) && isEmpty(objectSelector);

const isSelective = ({ namespaceSelector }: Selectors): boolean =>
  Object.keys(namespaceSelector?.matchLabels ?? {}).length +
    (namespaceSelector?.matchExpressions ?? []).length >
  0;

/** Whatever may refuse an eviction by its own rules, or because nobody answers there. */
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

/** An Endpoints object has an address that is ready. */
export const answers = (endpoints: {
  readonly subsets?: readonly { readonly addresses?: readonly unknown[] }[] | null;
}): boolean => (endpoints.subsets ?? []).some((subset) => (subset.addresses ?? []).length > 0);
