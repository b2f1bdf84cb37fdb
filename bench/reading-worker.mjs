// A worker of a site for readings.mjs: BUNDLE URL PROBE HOME MACHINE. It says `ready`, and works until
// it is killed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { sleep } from './process.mjs';

const [file, url, probe, home, machine] = process.argv.slice(2);
const { readingWorker } = createRequire(import.meta.url)(file);

/** Milliseconds that a login and a command take. */
const [login, command] = [200, 300];

const stdout = readFileSync(probe, 'utf8');
const connect = async ({ name }) => {
  await sleep(login);
  let open = true;
  const exec = async () => {
    await sleep(command);
    return { ok: true, value: { code: 0, stdout, stderr: '', truncated: false } };
  };
  const close = () => {
    open = false;
  };
  return { ok: true, value: { exec, close, alive: () => open, hostKey: `key of ${name}` } };
};

const changes = { home, transport: async () => ({ connect, close: async () => {} }) };
await readingWorker({ url, machine, site: 'fra', most: 2, changes });
console.log('ready');
