// Label selectors: the text of `--pod-selector`, the object of a PDB, and node selector terms.
import type { LabelSelector, SelectorRequirement } from './objects.ts';

export type Labels = Readonly<Record<string, string>>;
type Parsed =
  | { readonly ok: true; readonly requirements: readonly SelectorRequirement[] }
  | { readonly ok: false; readonly message: string };

const labelOf = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

/**
 * Operators of label selectors and of node selector terms (`Gt` and `Lt` compare whole numbers).
 */
export function meets(labels: Labels, requirement: SelectorRequirement): boolean {
  const value = labelOf(labels, requirement.key);
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/**
 * `empty`: the result for a selector without requirements. policy/v1: true; policy/v1beta1: false.
 */
export function selects(
  selector: LabelSelector | undefined,
  labels: Labels,
  empty: boolean,
): boolean {
  const exact = Object.entries(selector?.matchLabels ?? {});
  const expressions = selector?.matchExpressions ?? [];
  if (selector === undefined) return false;
  if (exact.length === 0 && expressions.length === 0) return empty;
  return (
    exact.every(([key, value]) => labelOf(labels, key) === value) &&
    expressions.every((expression) => meets(labels, expression))
  );
}

const name = /^([a-zA-Z0-9.-]+\/)?[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/;
const value = /^([a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?)?$/;

/** Splits at commas outside parentheses. */
const clauses = (text: string): readonly string[] =>
  (text.match(/(?:[^,(]|\([^)]*(?:\)|$))+/g) ?? [])
    .map((clause) => clause.trim())
    .filter((clause) => clause !== '');

function parseClause(clause: string): SelectorRequirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(clause);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((item) => item.trim());
    return { key: set[1] ?? '', operator: set[2] === 'in' ? 'In' : 'NotIn', values };
  }
  const equality = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/.exec(clause);
  if (equality !== null)
    return {
      key: equality[1] ?? '',
      operator: equality[2] === '!=' ? 'NotIn' : 'In',
      values: [equality[3] ?? ''],
    };
  const order = /^([^=!<>\s]+)\s*([<>])\s*(\d+)$/.exec(clause);
  if (order !== null)
    return {
      key: order[1] ?? '',
      operator: order[2] === '>' ? 'Gt' : 'Lt',
      values: [order[3] ?? ''],
    };
  if (clause.startsWith('!')) return { key: clause.slice(1).trim(), operator: 'DoesNotExist' };
  return { key: clause, operator: 'Exists' };
}

/** Parses kubectl's form: `app=web,tier!=db,env in (a,b),!canary,zone,size>3`. */
export function parseSelector(text: string): Parsed {
  const requirements: SelectorRequirement[] = [];
  for (const clause of clauses(text)) {
    const requirement = parseClause(clause);
    if (
      !name.test(requirement.key) ||
      !(requirement.values ?? []).every((item) => value.test(item))
    ) {
      return {
        ok: false,
        message: `"${clause}" is not a label selector (key=value, key!=value, key in (a,b), key, !key, key>1)`,
      };
    }
    requirements.push(requirement);
  }
  return { ok: true, requirements };
}
