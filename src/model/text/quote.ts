// Shell quoting: one word for a POSIX sh, whatever it holds.
import { harmless } from './printable.ts';

/**
 * `it's` becomes `'it'\''s'`; a plain word stays as it is. A NUL cannot be passed at all: it is our
 * bug if one comes here.
 */
export function quote(word: string): string {
  if (word.includes('\0')) throw new Error('a shell word cannot hold a NUL byte');
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * A word of others in a command that a hint shows: whoever pastes it runs nothing but that command.
 */
export const pasteable = (word: string): string => quote(harmless(word));
