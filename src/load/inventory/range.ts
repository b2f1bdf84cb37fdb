// Expands ranges in host names of an inventory: `node[01:03]`, `x[a:c]`, `y[1:10:3]`; several ranges
// multiply.

export type Expansion =
  | { readonly ok: true; readonly names: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** Most hosts of one line: more is a typing error. */
const most = 200_000;

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/**
 * All names of a host pattern of an inventory. Every bracket must be a valid range: a typing error
 * must not become a host.
 */
export function expandRange(pattern: string): Expansion {
  let names: readonly string[] = [''];
  for (let rest = pattern; ; ) {
    const open = rest.search(/[[\]]/);
    if (open === -1) return { ok: true, names: names.map((name) => name + rest) };
    const close = rest.indexOf(']', open);
    if (close === -1) return { ok: false, why: 'its `[` is not closed' };
    if (close === open) return { ok: false, why: 'its `]` closes nothing' };
    const range = expandOne(rest.slice(open + 1, close));
    if (!range.ok) return range;
    if (names.length * range.names.length > most)
      return { ok: false, why: `a range makes more than ${most} hosts` };
    const head = rest.slice(0, open);
    names = names.flatMap((name) => range.names.map((part) => name + head + part));
    rest = rest.slice(close + 1);
  }
}

function expandOne(range: string): Expansion {
  const bounds = range.split(':');
  if (bounds.length < 2 || bounds.length > 3)
    return { ok: false, why: 'a range is [from:to] or [from:to:step]' };
  const from = bounds[0] === '' ? '0' : (bounds[0] ?? '0');
  const to = bounds[1] ?? '';
  const step = Number(
    bounds[2] === undefined ? 1 : /^\d+$/.test(bounds[2]) ? bounds[2] : Number.NaN,
  );
  if (to === '') return { ok: false, why: 'a range needs its end: [from:to]' };
  if (!(step >= 1)) return { ok: false, why: 'the step of a range is a number from 1' };
  if (letters.includes(from) && from.length === 1) return lettersFrom(from, to, step);
  if (!/^\d+$/.test(from) || !/^\d+$/.test(to))
    return { ok: false, why: 'a range goes from number to number or from letter to letter' };
  return numbersFrom(from, to, step);
}

function lettersFrom(from: string, to: string, step: number): Expansion {
  const first = letters.indexOf(from);
  const last = to.length === 1 ? letters.indexOf(to) : -1;
  if (last === -1)
    return { ok: false, why: 'a range goes from number to number or from letter to letter' };
  if (first > last) return { ok: false, why: `${from} comes after ${to}` };
  return {
    ok: true,
    names: [...letters.slice(first, last + 1)].filter((_, index) => index % step === 0),
  };
}

// Leading zeros set the width: [01:10] gives 01 ... 10. Ansible reads [3:1] as no host; kmend reports
// an error.
function numbersFrom(from: string, to: string, step: number): Expansion {
  const padded = from.length > 1 && from.startsWith('0');
  if (padded && from.length !== to.length)
    return {
      ok: false,
      why: `${from} and ${to} must have the same number of digits where one has leading zeros`,
    };
  const [first, last] = [Number(from), Number(to)];
  if (first > last)
    return { ok: false, why: `${from} comes after ${to}, so the range names no host` };
  if ((last - first) / step > most)
    return { ok: false, why: `a range makes more than ${most} hosts` };
  const names: string[] = [];
  for (let number = first; number <= last; number += step)
    names.push(padded ? String(number).padStart(from.length, '0') : String(number));
  return { ok: true, names };
}
