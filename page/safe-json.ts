// Reads JSON whose texts may come from hosts.
import { harmless } from '../src/model/text/printable.ts';

const escapes = /\\(?:u([0-9a-f]{4})|.)/gi;

/**
 * No text in it turns the reading direction or hides. It is made so before it is parsed: a fleet
 * has hundreds of thousands of texts. Line ends stay; the page shows them as blanks.
 */
export function readJson<T>(json: string): T {
  const plain = /[^ -~]/.test(json) ? harmless(json) : json;
  return JSON.parse(plain.includes('\\u') ? plain.replace(escapes, harmlessEscape) : plain);
}

/** What needs no care stays an escape: a decoded quote would end its text. */
function harmlessEscape(written: string, code: string | undefined): string {
  if (code === undefined) return written;
  const char = String.fromCharCode(Number.parseInt(code, 16));
  const shown = harmless(char);
  return shown === char ? written : shown;
}
