// Passwords in files, and from programs that print them.
import { join } from 'node:path';
import { type Secret, secret } from '../../model/host.ts';
import { CommandError, type World } from './world.ts';

/** What a pipe printed, and answers to prompts: a session within another one needs them again. */
const answers = new WeakMap<World['reader'], Map<string, string>>();

export const answersOf = ({ reader }: World): Map<string, string> => {
  const known = answers.get(reader) ?? new Map<string, string>();
  answers.set(reader, known);
  return known;
};

export const isPipe = (path: string): boolean => /^\/(?:dev|proc)\//.test(path);

export const atHome = (path: string, { home }: World): string =>
  path.startsWith('~/') ? join(home, path.slice(2)) : path;

/**
 * The text of a password file, or what a program prints. Throws where there is none.
 * @param what of messages: `the vault password`
 * @param argsOf of a program, by its path
 */
export function passwordText(
  path: string,
  what: string,
  world: World,
  argsOf: (file: string) => readonly string[] = () => [],
): {
  readonly text: string;
  readonly file: string;
  readonly name: string;
  readonly isProgram: boolean;
} {
  const file = atHome(path, world);
  const { reader } = world;
  const isProgram = reader.isExecutable?.(file) === true;
  const name = `${what} ${isProgram ? 'program' : 'file'} ${file}`;
  const read = isProgram
    ? (reader.run?.(file, argsOf(file)) ?? {
        ok: false as const,
        why: 'this command runs programs only where -i names the inventory',
      })
    : reader.readText(file);
  if (!read.ok) throw new CommandError(3, `${name} gives no password: ${read.why}`);
  if (read.text.includes('\ufffd'))
    throw new CommandError(3, `${name} gives no password: it is not UTF-8 text`);
  const once = answersOf(world);
  const text = once.get(file) ?? read.text;
  if (isPipe(file)) once.set(file, text);
  return { text, file, name, isProgram };
}

export function filled(password: string, what: string): string {
  if (password !== '') return password;
  throw new CommandError(3, `${what} is empty`);
}

/**
 * A login or become password, read once, when it is first needed. As in Ansible, `-` is standard
 * input, and of what a program prints only line ends are cut off.
 */
export function passwordOnce(path: string, what: string, world: World): () => Promise<Secret> {
  let known: Promise<Secret> | undefined;
  const read = async (): Promise<Secret> => {
    const { text, name, isProgram } =
      path === '-'
        ? { text: await world.readInput(world.stop), name: `${what} of -`, isProgram: true }
        : passwordText(path, what, world);
    const password = isProgram ? withoutLineEnds(text) : text.trim();
    return secret(filled(password, name));
  };
  return () => {
    known ??= read();
    return known;
  };
}

/** A loop, since an expression for the end of a text takes quadratic time. */
function withoutLineEnds(text: string): string {
  const isEnd = (at: number): boolean => text[at] === '\n' || text[at] === '\r';
  let [from, to] = [0, text.length];
  while (from < to && isEnd(from)) from += 1;
  while (to > from && isEnd(to - 1)) to -= 1;
  return text.slice(from, to);
}
