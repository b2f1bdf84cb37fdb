// Answers the questions of ssh: the password of the host, and passphrases and PINs by the operator.
import type { Asker } from '../../../engine/ports/local.ts';
import type { Target } from '../../../model/host.ts';

/** The answers for one login; undefined refuses the question. */
export type Answers = (prompt: string) => Promise<string | undefined>;

/** Wrong answers to one question until it is refused. */
const mostTries = 3;

/** Asks the operator each question once per run, for all hosts. */
export function createAnswers(asker: Asker): (target: Target) => Answers {
  const known = new Map<string, Promise<string>>();
  return ({ password }) => {
    const given = new Map<string, Promise<string>>();
    const ask = (prompt: string): Promise<string> => {
      // What was wrong here may have been replaced by another host meanwhile.
      if (known.get(prompt) === given.get(prompt)) known.delete(prompt);
      const asked = known.get(prompt) ?? asker.secret(`${prompt} `);
      known.set(prompt, asked);
      given.set(prompt, asked);
      return asked;
    };
    const asked = new Map<string, number>();
    return async (prompt) => {
      // Whatever a server asks has the name of the login in front. Local questions have not.
      const isLocal = /^Enter (?:passphrase|PIN) for /.test(prompt);
      const kind = isLocal ? prompt : prompt.startsWith('(') ? 'keyboard-interactive' : 'password';
      const count = (asked.get(kind) ?? 0) + 1;
      asked.set(kind, count);
      if (isLocal) return asker.attended && count <= mostTries ? ask(prompt) : undefined;
      // A second question, or one for a new password, is not ours to answer.
      return count > 1 || /\bnew\b/i.test(prompt) ? undefined : password?.reveal();
    };
  };
}
