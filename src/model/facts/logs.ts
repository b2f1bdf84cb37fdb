// Kernel logs, of this boot and of earlier ones.
import { boot, disk, volatile } from './row.ts';
import type { EarlierBoot, PastSource, PastVerdict, SourceState, SymptomRow } from './values.ts';

export const logFacts = {
  'kmem.symptoms': volatile(
    boot<readonly SymptomRow[]>(
      'lines by kind, and who wrote them (kernel: its log; runtime: docker, containerd, cri-o or the kubelet): how many, and the last one',
      [
        {
          kind: 'slub_memcg',
          from: 'kernel',
          count: 3,
          line: 'cache: kmalloc-192(12:0f3a5e0e), object size: 192',
        },
      ],
    ),
  ),
  'kmem.log_read': boot<boolean>(
    'the kernel log could be read; false where dmesg is refused',
    true,
  ),
};

export const crashFacts = {
  'crash.verdict': disk<PastVerdict>(
    'died (an earlier boot ended by the leak), died_unshown (one crashed or broke off, and nothing shows why), seen (only symptoms in an earlier boot), none, or unknown where nothing could be read',
    'died',
  ),
  'crash.on': disk<string>(
    'day (UTC) of that death or of the last symptom; empty for none',
    '2018-11-05',
  ),
  'crash.evidence': disk<string>(
    'where that is written, and which symptoms are there; empty for none',
    'crash dump of 2018-11-05 10:24 UTC: SLUB node -1, NULL pointer dereference in ip6mr_sk_done',
  ),
  'crash.boots': disk<readonly EarlierBoot[]>(
    'earlier boots by what is left of them (source: dump, pstore, journal or messages), the newest first: boot id where known, its kernel, when and how the log ended (crash, abrupt, planned, unknown), symptoms with count, time and last line',
    [
      {
        source: 'dump',
        place: '/var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt',
        boot: '',
        kernel: '3.10.0-862.el7.x86_64',
        at: 1_541_413_473,
        ended: 'crash',
        symptoms: [
          {
            kind: 'slub_memcg',
            count: 3,
            at: 1_541_413_401,
            line: 'cache: sock_inode_cache(158:8aff71103b35), object size: 632',
          },
        ],
      },
    ],
  ),
  'crash.sources': disk<Readonly<Record<PastSource, SourceState>>>(
    'what there is to read of earlier boots: read, absent, denied or cut (not all of it was read)',
    { dump: 'read', pstore: 'absent', journal: 'absent', messages: 'read' },
  ),
};
