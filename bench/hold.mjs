// Run by idle.mjs: holds connections to all hosts with kmend's own transport and prints what
// that costs.
import { createRequire } from 'node:module';

const { product, hosts, port, user, identity, known } = JSON.parse(process.env.KMEND_HOLD);
const { createTransport } = createRequire(import.meta.url)(product);
const asker = { attended: false, secret: async () => '', confirm: async () => false };
const transport = createTransport({
  asker,
  home: process.env.HOME,
  env: {},
  warn: () => {},
  configFile: '',
});
const targetOf = (host) => ({
  name: host,
  port,
  user,
  privateKeyFiles: [identity],
  knownHostsFiles: [known],
  hostKeyChecking: 'yes',
  legacyCrypto: false,
  connectTimeout: 60,
});
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const settle = async () => {
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    await sleep(200);
  }
};
const megabytes = () => process.memoryUsage().rss / 1024 / 1024;

// The first connection loads the library and warms it up; it belongs to no host.
const first = await transport.connect(targetOf(hosts[0]));
if (!first.ok) throw new Error(first.failure.message);
first.value.close();
await settle();
const before = megabytes();
const held = await Promise.all(hosts.map((host) => transport.connect(targetOf(host))));
await settle();
await sleep(1000);
const start = process.cpuUsage();
await sleep(3000);
const used = process.cpuUsage(start);
globalThis.gc();
const after = megabytes();
const alive = held.filter((one) => one.ok && one.value.alive()).length;
process.stdout.write(
  JSON.stringify({ before, after, held: alive, cpu: (used.user + used.system) / 1000 / 3 }),
);
await transport.close();
if (alive < hosts.length) throw new Error(`${alive} of ${hosts.length} connections`);
