// Variables of `-e`: what can be read once only is remembered, since a resume and a rollback ask
// for it more than once.
import { expect, it } from 'vitest';
import { extraVarsOf } from '../../src/app/session/extra-vars.ts';
import type { Surroundings } from '../../src/app/session/world.ts';

/**
 * A pipe gives its text to the first reader, and nothing to those after it; a file gives it to all.
 */
function surroundings(): Surroundings {
  const read = new Set<string>();
  const readText = (path: string) => {
    const isEmpty = /^\/(?:dev|proc)\//.test(path) && read.has(path);
    read.add(path);
    return { ok: true, text: isEmpty ? '' : `pin: ${read.size}` };
  };
  const world = { readInput: async () => '', reader: { readText } };
  return { world, observer: { diagnostics: () => {} } } as unknown as Surroundings;
}

it.each(['@/dev/fd/63', '@/proc/self/fd/63'])('reads %s once', (word) => {
  const around = surroundings();
  expect([extraVarsOf([word], around), extraVarsOf([word], around)]).toEqual([
    { pin: 1 },
    { pin: 1 },
  ]);
});

it('reads a file each time', () => {
  const around = surroundings();
  expect([extraVarsOf(['@a.yaml'], around), extraVarsOf(['@b.yaml'], around)]).toEqual([
    { pin: 1 },
    { pin: 2 },
  ]);
});
