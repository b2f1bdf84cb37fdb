// Facts that change by themselves, and reasons of facts that are compared: a plan does not become stale by them.

const names: ReadonlySet<string> = new Set([
  'clock.epoch',
  'boot.time',
  'boot.uptime',
  'host.blocked',
  'host.blocked_by',
  'packages.lock',
  'kernel.parses_by',
  'kernel.next_parses_by',
  'kernel.seen',
  'kernel.seen_on',
  'kmem.root_usage',
  'kmem.slab_entries',
  'kmem.slab_ids',
  'kmem.dead_groups',
  'kmem.live_groups',
  'kmem.groups',
  'kmem.samples',
  'kmem.witnesses',
  'kmem.parts',
  'kmem.unshown',
  'kmem.accepted',
  'kmem.partial',
  'kmem.partial_evidence',
  'kmem.started',
  'kmem.symptoms',
  'kmem.tries',
  'kmem.remedy_why',
  'kmem.evidence',
  'kmem.now.remedy_why',
  'kmem.now.evidence',
]);

/** Counters, clocks, free space, and what the cluster says of the moment: their values are read, and never compared. */
export const isVolatile = (name: string): boolean =>
  names.has(name) ||
  name.startsWith('memory.') ||
  name.startsWith('pids.') ||
  name.startsWith('kmem.ids.') ||
  name.startsWith('space.') ||
  /^(forecast|node)\./.test(name);
