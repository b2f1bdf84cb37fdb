// The text of a notice by a template of the operator: `{{ }}` over the fields of the notice.
import { compileTemplate, scopeOf } from '../../expression/index.ts';
import type { Mapping } from '../../model/value.ts';

/** What a template may use. A field that a notice has not is null, and prints nothing. */
export const templateFields = [
  ...['kind', 'key', 'text', 'why', 'at', 'from', 'job', 'run', 'play', 'exit', 'hosts', 'counts'],
  ...['head', 'failures'],
] as const;

/** What is wrong with a template; undefined: nothing. */
export function wrongTemplate(template: string): string | undefined {
  const compiled = compileTemplate(template);
  if (compiled.kind === 'problem') return compiled.message;
  const alien = compiled.names.find(
    ({ name }) => !templateFields.some((field) => field === name.split('.')[0]),
  );
  return alien === undefined
    ? undefined
    : `a notice has no field ${alien.name}; it has ${templateFields.join(', ')}`;
}

/** The text by the template; the notice's own text where it gives none for this notice. */
export function textBy(template: string, notice: Mapping & { readonly text: string }): string {
  const compiled = compileTemplate(template);
  if (compiled.kind === 'problem') return notice.text;
  const none = Object.fromEntries(templateFields.map((field) => [field, null]));
  const result = compiled.evaluate(scopeOf(notice, none));
  return result.kind === 'value' && result.value !== null && result.value !== ''
    ? String(result.value)
    : notice.text;
}
