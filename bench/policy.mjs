// The rollout policy of benches: nothing waits for a window, a gate, a soak or an operator.
export const policy = {
  waves: [],
  maxUnavailable: { count: 1 },
  order: 'inventory',
  soak: { host: 0, wave: 0 },
  brake: { failures: { count: 0 }, unreachable: 'count' },
  onBrake: 'finish',
  windows: [],
  freeze: [],
  onWindowEnd: 'finish',
  gates: [],
  deadline: {},
  retries: { transport: 3 },
  approve: 'never',
  unplannable: 'leave_out',
};
