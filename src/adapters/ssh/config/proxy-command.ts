// What `ProxyCommand` says: none, a jump host in the old form, or a command with tokens.

/** The names that a command may use. */
export interface ProxyNames {
  readonly alias: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** `problem`: why the command cannot be used for this host. */
export type ProxyCommand =
  | { readonly ok: true; readonly command: string }
  | { readonly ok: false; readonly problem: string };

export const isNone = (written: string): boolean => written === '' || /^none$/i.test(written);

/**
 * The jump host of `ssh -W %h:%p [-q] [-l USER] [-p PORT] HOST`, which is what `ProxyJump` runs:
 * kmend logs in there once for all hosts. Undefined: another command, or one with further options,
 * which OpenSSH itself must read.
 */
export function jumpIn(command: string): string | undefined {
  const words = command.trim().split(/\s+/);
  if (!/^(?:\S*\/)?ssh$/.test(words[0] ?? '')) return undefined;
  const flags = new Map<string, string>();
  const hosts: string[] = [];
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? '';
    const [, flag, joined] = /^-([Wpl])(.*)$/.exec(word) ?? [];
    if (flag !== undefined) flags.set(flag, joined === '' ? (words[++at] ?? '') : (joined ?? ''));
    else if (word !== '-q') hosts.push(word);
  }
  const [host, ...more] = hosts;
  if (host === undefined || more.length > 0 || !/^[\w.@:[\]%-]+$/.test(host)) return undefined;
  if (host.startsWith('-') || host.includes('%')) return undefined;
  if (!/^(?:%h|\[%h\]):%p$/.test(flags.get('W') ?? '')) return undefined;
  const [user, port] = [flags.get('l'), flags.get('p')];
  if (user !== undefined && !/^[\w.-]+$/.test(user)) return undefined;
  if (port !== undefined && !/^\d{1,5}$/.test(port)) return undefined;
  return `${user === undefined || host.includes('@') ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

/** Replaces the tokens of a command that a shell will read. */
export function expandProxy(written: string, names: ProxyNames): ProxyCommand {
  const values: Readonly<Record<string, string>> = {
    '%': '%',
    h: names.host,
    n: names.alias,
    p: String(names.port),
    r: names.user,
  };
  const problems: string[] = [];
  const command = written.replace(/%(.?)/gs, (token, letter: string) => {
    const value = values[letter];
    if (value === undefined) problems.push(`it has the unknown token ${token}`);
    else if (letter !== '%' && !isPlainWord(value))
      problems.push(`${JSON.stringify(value)} (${token}) would mean more than a name to a shell`);
    return value ?? token;
  });
  const [problem] = problems;
  return problem === undefined ? { ok: true, command } : { ok: false, problem };
}

/** A shell takes it as one word, and no program takes it as an option. */
const isPlainWord = (value: string): boolean => /^(?!-)[\p{L}\p{N}_.:@%+~,=/[\]-]+$/u.test(value);
