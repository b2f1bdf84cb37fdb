// Admission webhooks that would refuse every eviction because nobody answers there: found beforehand, from configuration. Pure.

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly operations?: readonly string[];
  readonly resources?: readonly string[];
}

export interface WebhookConfiguration {
  readonly metadata?: { readonly name?: string };
  readonly webhooks?: readonly {
    readonly name?: string;
    readonly failurePolicy?: string;
    readonly clientConfig?: { readonly service?: { readonly namespace: string; readonly name: string }; readonly url?: string };
    readonly rules?: readonly Rule[];
  }[];
}

export interface EvictionWebhook {
  readonly name: string;
  readonly service?: { readonly namespace: string; readonly name: string };
}

const has = (list: readonly string[] | undefined, ...wanted: readonly string[]): boolean => wanted.some((item) => list?.includes(item));

const seesEvictions = (rule: Rule): boolean =>
  has(rule.apiGroups, '', '*') &&
  has(rule.operations, 'CREATE', '*') &&
  has(rule.resources, 'pods/eviction', 'pods/*', '*/*', '*/eviction');

/** Webhooks that are asked about evictions and whose silence is a refusal (failurePolicy Fail, the default). */
export function evictionWebhooks(configurations: readonly WebhookConfiguration[]): readonly EvictionWebhook[] {
  return configurations.flatMap((configuration) =>
    (configuration.webhooks ?? [])
      .filter((webhook) => webhook.failurePolicy !== 'Ignore' && (webhook.rules ?? []).some(seesEvictions))
      .map((webhook) => {
        const service = webhook.clientConfig?.service;
        const name = webhook.name ?? configuration.metadata?.name ?? '?';
        return service === undefined ? { name } : { name, service: { namespace: service.namespace, name: service.name } };
      }),
  );
}

/** An Endpoints object has an address that is ready. */
export const answers = (endpoints: { readonly subsets?: readonly { readonly addresses?: readonly unknown[] }[] | null }): boolean =>
  (endpoints.subsets ?? []).some((subset) => (subset.addresses ?? []).length > 0);
