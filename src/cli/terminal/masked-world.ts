// Output that never shows a secret.
import type { World } from '../world.ts';

/** Whatever is printed is masked, and what is typed at a prompt for a secret is one. */
export function maskedWorld(world: World): World {
  const { learn, hide, mask } = world.secrets;
  return {
    ...world,
    out: (text) => world.out(hide(text)),
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
