// Which variables of a run may be stored for a resume and a rollback: all except those that are, or
// may be, secret.

import { branchesOf, type Play, type Task } from '../../model/playbook.ts';
import { isList, isMapping, isSealed, type Mapping, type Value } from '../../model/value.ts';
import type { IsSecretName } from './secrets.ts';

export interface KeptVars {
  readonly kept: Mapping;
  /** Names of the variables that are withheld, sorted. */
  readonly withheld: readonly string[];
}

/**
 * Broad on purpose: a variable that is withheld without need only has to be given again. The path
 * of a key file is not secret.
 */
const secretName =
  /pass|pwd|(?:^|_)pw(?:$|_)|token|secret|credential|api_?key|access_?key|private_?key(?!_file)|(?:^|_)auth(?:$|_)|authori[sz]ation|cookie|vault/i;

/**
 * Forms of a secret within a text: `--token abc`, `password=abc`, `Bearer abc`,
 * `https://user:abc@host`, a private key.
 */
const secretText =
  /(?:password|passwd|passphrase|(?<![a-z])pass|token|secret|api[_-]?key|credentials?)["']?(?:\s*[=:]\s*|\s+)["']?[^\s"'-]|(?:bearer|basic)\s+[^\s"']|:\/\/[^/\s:@]*:[^/\s@]+@|PRIVATE KEY/i;

/** The text without its templates: their values are judged by the variables that they use. */
function withoutTemplates(text: string): string {
  const parts = text.split('}}');
  const last = parts.pop() ?? '';
  return parts.map((part) => part.split('{{', 1)[0]).join('') + last;
}

export function mayHoldSecret(value: Value, mask: (text: string) => string): boolean {
  if (typeof value === 'string')
    return secretText.test(withoutTemplates(value)) || mask(value) !== value;
  if (isSealed(value)) return false;
  if (isList(value)) return value.some((item) => mayHoldSecret(item, mask));
  return (
    isMapping(value) &&
    Object.entries(value).some(([name, item]) => secretName.test(name) || mayHoldSecret(item, mask))
  );
}

/** @param isHidden names that are always withheld; @param mask replaces known secrets in a text */
export function withoutSecrets(
  vars: Mapping,
  isHidden: IsSecretName,
  mask: (text: string) => string,
): KeptVars {
  const isWithheld = ([name, value]: readonly [string, Value]): boolean =>
    !isSealed(value) && (isHidden(name) || secretName.test(name) || mayHoldSecret(value, mask));
  const all = Object.entries(vars);
  return {
    kept: Object.fromEntries(all.filter((one) => !isWithheld(one))),
    withheld: all.flatMap((one) => (isWithheld(one) ? [one[0]] : [])).sort(),
  };
}

/** Names that tasks with `no_log` use, directly or through variables of these layers. */
export const namesUnderNoLog = (play: Play, layers: readonly Mapping[]): ReadonlySet<string> =>
  namesUsed(hiddenTasks(play.tasks), layers);

const hiddenTasks = (tasks: readonly Task[]): readonly Task[] =>
  tasks.flatMap((task) =>
    task.noLog === true ? [task] : task.kind === 'block' ? hiddenTasks(branchesOf(task)) : [],
  );

/**
 * Names of variables that data uses, directly or through other variables. Every word counts as a
 * name, so rather too many are found than too few.
 * @param layers all places where variables are defined
 */
export function namesUsed(
  data: readonly unknown[],
  layers: readonly Mapping[],
): ReadonlySet<string> {
  const found = new Set<string>();
  const open = data.flatMap(wordsIn);
  const defined = open.length === 0 ? new Map<string, ReadonlySet<string>>() : wordsByName(layers);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const words = defined.get(name);
    if (words === undefined || found.has(name)) continue;
    found.add(name);
    open.push(...words);
  }
  return found;
}

const wordsIn = (data: unknown): readonly string[] => [
  ...new Set(JSON.stringify(data).match(/[A-Za-z_]\w*/g)),
];

function wordsByName(layers: readonly Mapping[]): ReadonlyMap<string, ReadonlySet<string>> {
  const words = new Map<string, Set<string>>();
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer)) {
      const known = words.get(name) ?? new Set();
      for (const word of wordsIn(value)) known.add(word);
      words.set(name, known);
    }
  }
  return words;
}
