// Read-only tokens of `kmend serve`, for wall screens and for Prometheus: each is shown once, and
// only its digest is kept.
import { digestOf, newToken } from '../../adapters/web/logins.ts';
import type { Documents } from '../../engine/ports/store.ts';
import { dataIn, number, object, oneOf, text } from '../../model/shape/shape.ts';
import { toJson } from '../../model/text/printable.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';

export interface TokenInfo {
  readonly schema: 'kmend.token/1';
  readonly name: string;
  readonly sha256: string;
  readonly who: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const shape = object({
  schema: oneOf('kmend.token/1'),
  name: text,
  sha256: text,
  who: text,
  at: number,
});

function checkedName(name: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) return name;
  throw new CommandError(
    3,
    `\`${name}\` is no name for a token`,
    'lower-case letters, digits and dashes, 40 at most: wall-screen-2',
  );
}

/** Makes a token, and returns it: it cannot be read again. */
export async function addToken(name: string, { ports, world }: Session): Promise<string> {
  const { tokens } = await ports.store();
  if ((await tokens.names()).includes(checkedName(name)))
    throw new CommandError(3, `there is a token ${name}`, `kmend token revoke ${name}`);
  const token = newToken();
  const info: TokenInfo = {
    schema: 'kmend.token/1',
    name,
    sha256: digestOf(token),
    who: world.who,
    at: world.clock.now(),
  };
  await tokens.write(name, `${toJson(info, 1)}\n`);
  return token;
}

export async function revokeToken(name: string, { ports }: Session): Promise<void> {
  const { tokens } = await ports.store();
  if (!(await tokens.names()).includes(checkedName(name)))
    throw new CommandError(3, `there is no token ${name}`, 'kmend token list');
  await tokens.remove(name);
}

export async function allTokens(tokens: Documents): Promise<readonly TokenInfo[]> {
  const found = await Promise.all(
    (await tokens.names()).map(async (name) => dataIn((await tokens.read(name)) ?? '')),
  );
  return found.flatMap((data) => (shape(data, '') === undefined ? [data as TokenInfo] : []));
}
