// Quotes any text as one word for a POSIX sh.
import { harmless } from './printable.ts';

/**
 * `it's` becomes `'it'\''s'`; a plain word stays as it is. A NUL byte cannot be passed: it is an
 * error of kmend.
 */
export function quote(word: string): string {
  if (word.includes('\0')) throw new Error('a shell word cannot hold a NUL byte');
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * A word of others in a command that a hint shows: whoever pastes the command runs nothing else.
 */
export const pasteable = (word: string): string => quote(harmless(word));
