// The one-file bundle can log in: ssh2 tries to load a native add-on, which a bundle does not
// contain.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, expect, it } from 'vitest';
import { startServer } from './server.ts';

const dir = mkdtempSync(join(tmpdir(), 'kmend-bundle-'));
afterAll(() => rmSync(dir, { recursive: true }));

const program = (port: number): string => `
import { createTransport } from ${JSON.stringify(resolve('src/adapters/ssh/index.ts'))};
import { secret } from ${JSON.stringify(resolve('src/model/host.ts'))};
const asker = { attended: false, confirm: async () => false, secret: async () => '' };
const transport = createTransport({ asker, home: ${JSON.stringify(dir)}, env: {}, warn: console.error, globalKnownHosts: [] });
const target = { name: 'n', address: '127.0.0.1', port: ${port}, user: 'ops', password: secret('right'), hostKeyChecking: 'accept-new', legacyCrypto: false, connectTimeout: 5 };
transport.connect(target).then(async (result) => {
  if (!result.ok) throw new Error(result.failure.message);
  console.log(JSON.stringify(await result.value.exec({ script: 'echo from the bundle', become: false, timeout: 5 })));
  await transport.close();
});
`;

it('a bundle as one CommonJS file connects, stores the host key, runs a command and ends', async () => {
  const server = await startServer();
  const outfile = join(dir, 'bundle.cjs');
  await build({
    stdin: { contents: program(server.port), loader: 'ts', resolveDir: process.cwd() },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
    loader: { '.sh': 'text' },
    external: ['*.node', 'cpu-features'],
    logLevel: 'error',
  });
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], { timeout: 20_000 });
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    value: { stdout: 'from the bundle\n', code: 0 },
  });
  await server.close();
});
