// The operator at this machine: their name in the journal, and their home. In a container the user
// may be a number without a name.
import { homedir, userInfo } from 'node:os';

export function loginName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

export function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

/** SUDO_USER counts only for root, since any other user may set the variable. */
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
