// Standard input as text (`-e @-`), read once.
import { text } from 'node:stream/consumers';

let known: Promise<string> | undefined;

/** A signal ends the wait for whoever was to write it: then it rejects. */
export function readInput(signal: AbortSignal): Promise<string> {
  signal.addEventListener('abort', () => process.stdin.destroy(), { once: true });
  known ??= text(process.stdin);
  return known;
}
