// Area crash: what is left of earlier boots, read by the real script out of trees with dumps, records and logs.
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildProbe, checkWants, wantsNamedIn } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { emptyHost, file, type Recorded, replay } from './replay.ts';

let host: Recorded;
beforeEach(() => {
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '3.10.0-862.el7.x86_64\n');
  file(host, 'proc/cmdline', 'ro\n');
  file(host, 'proc/uptime', '3600.25 7000.00\n');
});
afterEach(() => host.remove());

/** 2018-11-05 10:24:33 UTC. */
const crashed = 1_541_413_473;
const at = (path: string, text: string, seconds = crashed): void => {
  file(host, path, text);
  utimesSync(join(host.root, path), seconds, seconds);
};
const read = (): Facts => replay(host, { wants: checkWants });
const group = '8aff71103b350fcc15a20dcad154986160ce07496a9f70fa4aff83e7716b0936';

/** The end of a log as the incident left it, in the shape of kdump's. */
const incident = `[381020.101234] SLUB: Unable to allocate memory on node -1 (gfp=0xd0)
[381020.101240]   cache: sock_inode_cache(158:${group}), object size: 632, buffer size: 640, default order: 3, min order: 0
[381020.101243]   node 0: slabs: 8, objs: 363, free: 0
[381022.000001] socket: no more sockets
[381022.000007] IPv6: Failed to initialize the ICMP6 control socket (err -23)
[381022.000010] BUG: unable to handle kernel NULL pointer dereference at 0000000000000020
[381022.000015] IP: [<ffffffff894dfb20>] ip6mr_sk_done+0x60/0xf0
[381030.500000] Kernel panic - not syncing: Fatal exception
`;

describe('asking for it', () => {
  it('is for `check`, and for a text that names one of its facts', () => {
    expect(buildProbe()).not.toContain('vmcore-dmesg');
    expect(buildProbe(checkWants)).toContain('vmcore-dmesg');
    expect(wantsNamedIn('{"when":"crash.verdict == \'died\'"}')).toEqual([{ area: 'crash' }]);
    expect(wantsNamedIn("{{ crash['on'] }}")).toEqual([{ area: 'crash' }]);
    expect(wantsNamedIn('the crash of a carcrash.on')).toEqual([]);
  });
});

describe('a crash dump', () => {
  it('of the incident: this host died of it, on that day', () => {
    at('var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt', incident);
    expect(read()).toMatchObject({
      'crash.verdict': 'died',
      'crash.on': '2018-11-05',
      'crash.evidence':
        'crash dump of 2018-11-05 10:24: SLUB node -1, NULL pointer dereference in ip6mr_sk_done, no more sockets, no ICMP6 control socket',
      'crash.sources': { dump: 'read', pstore: 'absent', journal: 'absent', messages: 'absent' },
      'crash.boots': [{ source: 'dump', place: '/var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt', at: crashed, ended: 'crash' }],
    });
  });
});
