// `kmend serve`: a page of the runs of a state directory, live, and of the last checks.

import type { Command } from 'commander';
import type { Address, ProxyLogin } from '../../../adapters/web/index.ts';
import type { ServeInput } from '../../../app/serve/serve.ts';
import { CommandError } from '../../../app/session/world.ts';
import { present } from '../../../model/present.ts';
import { stateOption } from '../../options.ts';
import { withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';

interface Flags {
  readonly port: string;
  readonly listen: string;
  readonly publicUrl?: string;
  readonly allowControl?: boolean;
  readonly userHeader?: string;
  readonly proxySecretFile?: string;
  readonly linkFile?: string;
  readonly state?: string;
  readonly stateDir?: string;
}

export function serveCommand(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('serve')
    .description(
      'a page in the browser: runs under way, live, also those of other processes; past runs; the last check of each inventory; jobs',
    )
    .option('--port <n>', 'where to listen; 0 takes a free one', '7654')
    .option('--listen <address>', 'another address than loopback needs --public-url', '127.0.0.1')
    .option(
      '--public-url <url>',
      'how browsers reach it through a reverse proxy or a tunnel: https://kmend.example.net',
    )
    .option(
      '--allow-control',
      'buttons: pause, continue, promote, abort, and retry, skip or done for failed hosts',
    )
    .option(
      '--user-header <name>',
      'a reverse proxy has its own login and names the user in this header; needs --proxy-secret-file',
    )
    .option(
      '--proxy-secret-file <file>',
      'what the proxy sends as Kmend-Proxy-Secret, so that nobody else can name a user',
    )
    .option(
      '--link-file <file>',
      'write the link to log in to this file (mode 600), and print none',
    )
    .option(...stateOption)
    .option('--state-dir <dir>', 'where runs are kept')
    .addHelpText(
      'after',
      '\nThe link to log in works once; when it was used, there is a new one. A login ends after 12 hours. For screens and programs: kmend token.',
    )
    .action(async (flags: Flags) => {
      // Other commands start without a web server.
      const { isLoopback } = await import('../../../adapters/web/index.ts');
      const { serve } = await import('../../../app/serve/serve.ts');
      const input = inputOf(flags, world, isLoopback);
      await withSession(flags, world, (session) => serve(input, session));
      done(0);
    });
}

type IsLoopback = (name: string) => boolean;

function inputOf(flags: Flags, world: World, isLoopback: IsLoopback): ServeInput {
  const { linkFile } = flags;
  return {
    address: addressOf(flags, isLoopback),
    allowControl: flags.allowControl === true,
    ...present({ proxy: proxyOf(flags, world), linkFile }),
  };
}

function addressOf({ listen, port, publicUrl }: Flags, isLoopback: IsLoopback): Address {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new CommandError(3, `--port must be a whole number up to 65535, not \`${port}\``);
  const url = publicUrl === undefined ? undefined : urlOf(publicUrl, isLoopback);
  if (!isLoopback(listen) && url?.protocol !== 'https:')
    throw new CommandError(
      3,
      `--listen ${listen} can be reached by others, and kmend serve has no TLS`,
      'leave it on loopback behind a reverse proxy, or name the https:// address of the proxy with --public-url (docs/serve.md)',
    );
  return { listen, port: Number(port), ...present({ publicUrl: url }) };
}

/** Plain HTTP only reaches this machine: a tunnel of ssh. */
function urlOf(text: string, isLoopback: IsLoopback): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (url !== undefined && isSafe && url.href === `${url.origin}/`) return url;
  throw new CommandError(
    3,
    `--public-url must be https://NAME, or http://localhost:PORT for a tunnel, without a path, not \`${text}\``,
  );
}

/** Characters of a secret that cannot be guessed. */
const shortestSecret = 16;

function proxyOf({ userHeader, proxySecretFile }: Flags, world: World): ProxyLogin | undefined {
  if (userHeader === undefined && proxySecretFile === undefined) return undefined;
  if (userHeader === undefined || proxySecretFile === undefined)
    throw new CommandError(
      3,
      '--user-header and --proxy-secret-file go together: without a secret anybody could name a user',
    );
  if (!/^[A-Za-z][A-Za-z0-9-]{0,60}$/.test(userHeader))
    throw new CommandError(3, `--user-header must be the name of a header, not \`${userHeader}\``);
  const read = world.reader.readText(proxySecretFile);
  if (!read.ok)
    throw new CommandError(3, `the secret file ${proxySecretFile} cannot be read: ${read.why}`);
  const secret = read.text.trim();
  if (secret.length < shortestSecret)
    throw new CommandError(
      3,
      `the secret in ${proxySecretFile} is shorter than ${shortestSecret} characters`,
      `openssl rand -hex 24 > ${proxySecretFile}`,
    );
  world.secrets.learn([secret]);
  return { header: userHeader.toLowerCase(), secret };
}
