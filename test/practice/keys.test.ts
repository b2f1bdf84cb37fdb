// Keys of the practice fleet can be read, all of them: the library's own generator writes a few
// that cannot.
import ssh2 from 'ssh2';
import { expect, it } from 'vitest';
import { newKeyPair } from '../../practice/keys.ts';

it('2,000 new key pairs can all be read', () => {
  const unreadable = Array.from({ length: 2000 }, newKeyPair).filter((pair) =>
    [pair.private, pair.public].some((text) => ssh2.utils.parseKey(text) instanceof Error),
  );
  expect(unreadable).toEqual([]);
});
