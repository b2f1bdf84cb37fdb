// The forecast of a drain as a fact: the engine reads it from the cluster, here is how it is asked
// for.
import { type FactWant, wantKey } from '../../../model/fact.ts';
import type { Mapping } from '../../../model/value.ts';

/** Asks for the forecast of a drain with these options. */
export const forecastWant = (options: Mapping): FactWant => ({ area: 'forecast', args: options });

/** The fact that answers it. */
export const forecastFact = (want: FactWant) => `forecast.${wantKey(want)}` as const;

/** Wants that the cluster answers and no probe of a host. */
export const isClusterWant = (want: FactWant): boolean => want.area === 'forecast';
