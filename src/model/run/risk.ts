// Risks of changes, in the order in which `approve` and drift compare them.

export const risks = ['none', 'write', 'restart', 'evict', 'reboot'] as const;

/**
 * `none` reads only; `write` changes files or packages without touching what runs; `restart`
 * restarts a service;
 * `evict` takes pods off the node; `reboot` takes the host down.
 */
export type Risk = (typeof risks)[number];

export const higherRisk = (a: Risk, b: Risk): boolean => risks.indexOf(a) > risks.indexOf(b);

export const highestRisk = (list: Iterable<Risk>): Risk => {
  let highest: Risk = 'none';
  for (const risk of list) if (higherRisk(risk, highest)) highest = risk;
  return highest;
};
