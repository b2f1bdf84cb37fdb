// Converts Kubernetes quantities ("100m", "1.5Gi", "2e3") to numbers, and bytes to text.

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * 0 for an absent or unreadable quantity: a request that cannot be read must not mean "fits
 * nowhere".
 */
export function quantity(text: string | undefined): number {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]{0,2})$/.exec((text ?? '').trim());
  const factor = factors[match?.[2] ?? ''];
  const number = Number(match?.[1] ?? 0);
  return factor === undefined || Number.isNaN(number) ? 0 : number * factor;
}

export function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${Math.round((bytes / 2 ** 30) * 10) / 10}Gi`;
  return `${Math.round(bytes / 2 ** 20)}Mi`;
}
