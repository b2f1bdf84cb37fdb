// Standard input as text (`-e @-`), read once.
import { text } from 'node:stream/consumers';

let known: Promise<string> | undefined;

/** Rejects on a signal while it waits for the writer. */
export function readInput(signal: AbortSignal): Promise<string> {
  signal.addEventListener('abort', () => process.stdin.destroy(), { once: true });
  known ??= text(process.stdin);
  return known;
}
