// Who a request is from: a session after a one-time link, a read-only token, or a reverse proxy
// that proves itself. Only digests of tokens are kept.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Reader } from './site.ts';

export interface ProxyLogin {
  /** Header in which the proxy names the user, in lower case. */
  readonly header: string;
  /** What the proxy sends as `Kmend-Proxy-Secret`. */
  readonly secret: string;
}

export interface LoginNeeds {
  /** The operator who started the server. */
  readonly who: string;
  readonly allowControl: boolean;
  readonly proxy?: ProxyLogin;
  readonly now: () => number;
  /** The name of the read-only token with this digest; undefined once it was revoked. */
  readonly tokenNamed: (digest: string) => Promise<string | undefined>;
  /** Gets the next one-time link's token, at once and whenever one was used. */
  readonly onLink: (token: string) => void;
}

export type Login =
  | { readonly kind: 'in'; readonly cookie: string; readonly seconds: number }
  | { readonly kind: 'wrong' | 'too_many' };

export interface Logins {
  readonly login: (token: string) => Promise<Login>;
  /** Undefined where nobody is logged in. */
  readonly readerOf: (headers: IncomingHttpHeaders, cookie: string) => Promise<Reader | undefined>;
}

interface Session {
  readonly reader: Reader;
  readonly until: number;
  /** Digest of the read-only token that it rests on. */
  readonly token?: string;
}

const sessionSeconds = 12 * 3600;
const mostSessions = 200;
/** Wrong tokens in a minute, before all logins wait. */
const mostWrong = 20;

export const newToken = (): string => randomBytes(24).toString('base64url');

export const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex');

const isSame = (a: string, b: string): boolean =>
  timingSafeEqual(Buffer.from(digestOf(a)), Buffer.from(digestOf(b)));

export function createLogins(needs: LoginNeeds): Logins {
  const { now, who, allowControl } = needs;
  const sessions = new Map<string, Session>();
  let wrong: readonly number[] = [];
  let link = '';
  const renewLink = (): void => {
    const token = newToken();
    link = digestOf(token);
    needs.onLink(token);
  };
  renewLink();
  const begin = (reader: Reader, token?: string): Login => {
    const cookie = newToken();
    for (const [digest, { until }] of sessions) if (until <= now()) sessions.delete(digest);
    const [oldest] = sessions.keys();
    if (sessions.size >= mostSessions && oldest !== undefined) sessions.delete(oldest);
    const until = now() + sessionSeconds * 1000;
    sessions.set(digestOf(cookie), { reader, until, ...(token === undefined ? {} : { token }) });
    return { kind: 'in', cookie, seconds: sessionSeconds };
  };
  const readOnly = async (digest: string): Promise<Reader | undefined> => {
    const name = await needs.tokenNamed(digest);
    return name === undefined ? undefined : { who: `token ${name}`, control: false };
  };
  return {
    login: async (token) => {
      wrong = wrong.filter((at) => at > now() - 60_000);
      if (wrong.length >= mostWrong) return { kind: 'too_many' };
      const digest = digestOf(token);
      if (digest === link) {
        renewLink();
        return begin({ who, control: allowControl });
      }
      const reader = await readOnly(digest);
      if (reader !== undefined) return begin(reader, digest);
      wrong = [...wrong, now()];
      return { kind: 'wrong' };
    },
    readerOf: async (headers, cookie) => {
      if (needs.proxy !== undefined) {
        const user = proxyUser(headers, needs.proxy);
        if (user !== undefined) return { who: user, control: allowControl };
      }
      const bearer = /^Bearer ([\w-]{8,100})$/.exec(headers.authorization ?? '')?.[1];
      if (bearer !== undefined) return readOnly(digestOf(bearer));
      const session = sessions.get(digestOf(cookie));
      if (session === undefined || session.until <= now()) return undefined;
      return session.token === undefined ? session.reader : readOnly(session.token);
    },
  };
}

/** A user that the proxy names counts only with its secret: anybody can send a header. */
function proxyUser(
  headers: IncomingHttpHeaders,
  { header, secret }: ProxyLogin,
): string | undefined {
  const [given, user] = [headers['kmend-proxy-secret'], headers[header]];
  if (typeof given !== 'string' || !isSame(given, secret)) return undefined;
  return typeof user === 'string' && /^[\w.@+-]{1,64}$/.test(user) ? user : undefined;
}
