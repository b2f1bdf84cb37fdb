// A command of a task as words, with its templates whole.
import { splitWords } from '../../model/text/split-words.ts';

export interface Line {
  readonly words: readonly string[];
  /** Parts around it that say nothing of its own: `|| true`, `sleep 2 &&`, redirections. */
  readonly left: readonly string[];
}

/** Of no text that anybody writes. */
const mark = '\ue000';
const marks = /\ue000(\d+)\ue000/g;
const ignored = /^(?:true|:|echo\b.*|sleep +\S+)$/;

/**
 * The one command of a text. Undefined where there are several that do something, or a pipe.
 * @param vars texts that `{{ name }}` at the beginning of the command stands for
 */
export function commandLine(text: string, vars: ReadonlyMap<string, string>): Line | undefined {
  const templates: string[] = [];
  const joined = text.trim().replaceAll('\\\n', ' ');
  const started = joined.replace(
    /^\{\{ *(\w+) *\}\}/,
    (all, name: string) => vars.get(name) ?? all,
  );
  const marked = started.replaceAll(/\{\{[^{}]*\}\}/g, (template) => {
    templates.push(template);
    return `${mark}${templates.length - 1}${mark}`;
  });
  const left: string[] = [];
  const bare = marked.replaceAll(/(?:\d?>{1,2} *(?:&\d|\/dev\/null))/g, (part) => {
    left.push(part);
    return '';
  });
  if (/[`|]/.test(bare.replaceAll('||', ''))) return undefined;
  const parts = bare.split(/&&|\|\||[;\n]/).map((part) => part.trim());
  const commands = parts.filter((part) => part !== '' && !ignored.test(part));
  left.push(...parts.filter((part) => part !== '' && ignored.test(part)));
  const [only, ...others] = commands;
  if (only === undefined || others.length > 0) return undefined;
  const words = splitWords(only.endsWith('&') ? only.slice(0, -1) : only);
  return (
    words && {
      words: words
        .filter((word) => word !== 'sudo')
        .map((word) =>
          word.replaceAll(marks, (_, index: string) => templates[Number(index)] ?? ''),
        ),
      left,
    }
  );
}

/** The program without its path. */
export const programOf = ({ words }: Line): string => (words[0] ?? '').replace(/^.*\//, '');
