// A world whose output has its secrets masked.
import type { World } from '../world.ts';

/** Masks all output. What is typed at a password prompt becomes a known secret. */
export function maskedWorld(world: World): World {
  const { learn, hide, mask } = world.secrets;
  return {
    ...world,
    out: (text) => world.out(hide(text)),
    data: (text) => world.data(hide(text)),
    err: (text) => world.err(mask(text)),
    asker: {
      ...world.asker,
      secret: async (prompt) => {
        const answer = await world.asker.secret(prompt);
        learn([answer]);
        return answer;
      },
    },
  };
}
