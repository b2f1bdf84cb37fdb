// The forecast of a drain as a fact. The engine reads it from the cluster; this file names it.
import { type FactWant, wantKey } from '../../../model/fact.ts';
import type { Mapping } from '../../../model/value.ts';

/** The want for the forecast of a drain with these options. */
export const forecastWant = (options: Mapping): FactWant => ({ area: 'forecast', args: options });

/** The fact for this want. */
export const forecastFact = (want: FactWant) => `forecast.${wantKey(want)}` as const;

/** A want that the cluster answers, and no probe of a host. */
export const isClusterWant = (want: FactWant): boolean => want.area === 'forecast';
