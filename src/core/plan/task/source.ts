// The content of a file of this machine that a task sends to a host.
import { compileFile, type Result, type Scope } from '../../../expression/index.ts';
import type { ModuleTask } from '../../../model/playbook.ts';
import { present } from '../../../model/present.ts';
import type { GivenContent } from '../../../model/run/change.ts';

export type ContentOf =
  | { readonly kind: 'content'; readonly content: GivenContent }
  | { readonly kind: 'later'; readonly why: string }
  | { readonly kind: 'wrong'; readonly message: string };

/** What Ansible says of a file that it manages. A variable of that name wins. */
const managed = 'Ansible managed';

/** The file that `src` names, rendered for the host where it is a template. */
export function contentOf(
  { sources = {} }: ModuleTask,
  src: string,
  scope: Scope,
  guarded: (evaluate: () => Result) => Result,
): ContentOf {
  const file = Object.hasOwn(sources, src) ? sources[src] : undefined;
  if (file === undefined)
    return { kind: 'wrong', message: `${src} is not among the files that were read for this task` };
  if (file.kind !== 'template')
    return {
      kind: 'content',
      content: file.kind === 'text' ? { text: file.content } : { bytes: file.content },
    };
  const { trimBlocks, lstripBlocks } = file;
  const compiled = compileFile(file.content, present({ trimBlocks, lstripBlocks }));
  if (compiled.kind === 'problem') return { kind: 'wrong', message: compiled.message };
  const lookup: Scope['lookup'] = (name) => {
    if (name === 'template_path') return src;
    return scope.lookup(name) ?? (name === 'ansible_managed' ? managed : undefined);
  };
  const result = guarded(() => compiled.evaluate({ ...scope, lookup }));
  if (result.kind === 'value') return { kind: 'content', content: { text: String(result.value) } };
  return result.kind === 'unknown'
    ? { kind: 'later', why: result.why }
    : { kind: 'wrong', message: `${file.path}: ${result.message}` };
}
