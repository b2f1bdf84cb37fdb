// The person at this machine: what the journal calls them, and where their files lie. A container
// may run under a number that no file names.
import { homedir, userInfo } from 'node:os';

export function loginName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

/** Only root believes the word of sudo: anybody else may set the variable. */
export function operatorOf(env: Readonly<Record<string, string | undefined>>): {
  readonly home: string;
  readonly who: string;
} {
  const uid = process.geteuid?.() ?? 0;
  return {
    home: homeDirectory(),
    who: (uid === 0 && env.SUDO_USER) || (loginName() ?? `user ${uid}`),
  };
}
