// The live view of a run and the questions that the run asks meanwhile.
import { expect, it, vi } from 'vitest';
import { openView } from '../../src/cli/terminal/run-view.ts';
import type { World } from '../../src/cli/world.ts';

const seen: string[] = [];
vi.mock('../../src/screens/run/live.ts', () => ({
  openLive: async () => {
    seen.push('opened');
    return { onEvent: () => {}, close: async () => void seen.push('closed') };
  },
}));

it('gives the terminal back for a question, since it holds back whatever else is printed, and goes on after the answer', async () => {
  const world = {
    isTerminal: true,
    colour: false,
    width: () => 80,
    env: {},
    clock: { now: () => 0 },
  } as unknown as World;
  const view = await openView('r1', 'Remediate', {}, world);
  const answer = await view.aside(async () => {
    seen.push('asked');
    return true;
  });
  await view.close();
  expect(answer).toBe(true);
  expect(seen).toEqual(['opened', 'closed', 'asked', 'opened', 'closed']);
});
