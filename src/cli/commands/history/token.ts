// `kmend token`: read-only tokens of `kmend serve`.

import type { Command } from 'commander';
import { addToken, allTokens, revokeToken } from '../../../app/serve/tokens.ts';
import { table } from '../../../screens/layout.ts';
import { stateOption } from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';

interface TokenFlags {
  readonly state?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

export function tokenCommands(program: Command, world: World, done: (exit: number) => void): void {
  const tokens = program
    .command('token')
    .description('read-only tokens of `kmend serve`, for wall screens and Prometheus');
  const named = (name: string, description: string): Command =>
    tokens
      .command(name)
      .description(description)
      .option(...stateOption)
      .option('--state-dir <dir>', 'where runs are kept');
  named('new', 'make a token and print it: it cannot be shown again')
    .argument('<name>')
    .action(async (name: string, flags: TokenFlags) => {
      const token = await withSession(flags, world, (session) => addToken(name, session));
      world.out(token);
      world.err(
        'it only reads: put it behind /login?token= of kmend serve, or send it as Bearer in the header Authorization',
      );
      done(0);
    });
  named('list', 'list tokens, without what is secret of them')
    .option('--json', 'JSON lines')
    .action(async (flags: TokenFlags) => {
      const all = await withSession(flags, world, async ({ ports }) =>
        allTokens((await ports.store()).tokens),
      );
      if (flags.json === true)
        for (const { name, who, at } of all) printJson('kmend.token/1', { name, who, at }, world);
      else
        for (const line of table(
          [
            ['token', 'made (UTC)', 'by'],
            ...all.map(({ name, at, who }) => [name, new Date(at).toISOString().slice(0, 19), who]),
          ],
          world.width(),
        ))
          world.out(line);
      done(0);
    });
  named('revoke', 'revoke a token: pages that are open with it end within 15 seconds')
    .argument('<name>')
    .action(async (name: string, flags: TokenFlags) => {
      await withSession(flags, world, (session) => revokeToken(name, session));
      done(0);
    });
}
