// Where journal entries are forwarded to, as written in a flag or a settings file.

export type ForwardTarget =
  /** A program of this machine that takes one message a line. */
  | { readonly kind: 'syslog' | 'journald' }
  | { readonly kind: 'udp' | 'tcp' | 'tls'; readonly host: string; readonly port: number };

/**
 * `syslog`, `journald`, or `udp://HOST[:PORT]`, `tcp://...`, `tls://...`; `undefined` for anything
 * else.
 */
export function forwardTarget(text: string): ForwardTarget | undefined {
  if (text === 'syslog' || text === 'journald') return { kind: text };
  const match = /^(udp|tcp|tls):\/\/(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, kind, v6, name, digits] = match;
  const port = Number(digits ?? (kind === 'tls' ? 6514 : 514));
  if (port < 1 || port > 65_535) return undefined;
  return { kind: kind as 'udp' | 'tcp' | 'tls', host: v6 ?? name ?? '', port };
}
