// `{% if %}` in a text of a playbook, as the expression that means the same.

const statement = /\{%-? *(if|elif|else|endif)\b([^%]*?)-?%\}/g;

/** Undefined where the text has other statements, or one within another. */
export function withoutStatements(text: string): string | undefined {
  if (text.split('{%').length - 1 !== [...text.matchAll(statement)].length) return undefined;
  let result = '';
  let at = 0;
  let open: { readonly choices: [string, string][]; condition: string | undefined } | undefined;
  for (const found of text.matchAll(statement)) {
    const [all, word = '', rest = ''] = found;
    const before = text.slice(at, found.index);
    at = found.index + all.length;
    // A dash takes blanks away, which an expression would not.
    if (all.startsWith('{%-') || all.endsWith('-%}')) return undefined;
    if (word === 'if') {
      if (open !== undefined) return undefined;
      result += before;
      open = { choices: [], condition: rest.trim() };
      continue;
    }
    if (open?.condition === undefined) return undefined;
    const value = expressionOf(before);
    if (value === undefined) return undefined;
    open.choices.push([open.condition, value]);
    if (word === 'endif') {
      result += `{{ ${choice(open.choices)} }}`;
      open = undefined;
    } else open.condition = word === 'elif' ? rest.trim() : 'true';
  }
  return open === undefined && at > 0 ? result + text.slice(at) : undefined;
}

function choice(choices: readonly (readonly [string, string])[]): string {
  const last = choices.at(-1)?.[0] === 'true' ? choices.at(-1)?.[1] : undefined;
  const asked = last === undefined ? choices : choices.slice(0, -1);
  return asked.reduceRight(
    (otherwise, [condition, value]) => `${value} if ${condition} else ${otherwise}`,
    last ?? "''",
  );
}

/** A text with templates as an expression. */
function expressionOf(text: string): string | undefined {
  const parts = text.split(/\{\{([^{}]*)\}\}/);
  const terms = parts.flatMap((part, index) =>
    part === '' ? [] : index % 2 === 1 ? [`(${part.trim()})`] : [`'${part}'`],
  );
  const isPlain = parts.every((part, index) => index % 2 === 1 || !/['\\\n]/.test(part));
  if (!isPlain) return undefined;
  return terms.length === 0 ? "''" : terms.length === 1 ? terms[0] : `(${terms.join(' ~ ')})`;
}
