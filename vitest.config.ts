// Test projects. `unit`, `laws` and `fleet` need nothing but Node (test/projects.ts says which file is whose); `cluster` starts PostgreSQL and workers (skipped, and counted, without it); `crash` and `chaos` kill controllers
// (slow); `hosts` needs root and Debian packages (skipped, and counted, without them); `vm` boots real kernels in QEMU. None has a second try.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { quickTests } from './test/projects.ts';

const cores = availableParallelism();

/** `npm run test:vm -- full` boots a full machine only: two minutes a boot without KVM. */
const fullMachine = process.env.KMEND_VM === 'full' || process.argv.includes('full');

/** Scripts for hosts and shells are imported as text, as in the bundle. */
const textFiles = {
  name: 'text-files',
  enforce: 'pre' as const,
  transform: (text: string, id: string) =>
    /\.(?:sh|sql|awk|bash|zsh|fish)$/.test(id)
      ? `export default ${JSON.stringify(text)}`
      : undefined,
};

export default defineConfig({
  plugins: [textFiles],
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [...quickTests.unit],
          maxWorkers: cores,
          // These tests change nothing that others would see: the program is loaded once a worker.
          isolate: false,
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'laws',
          globalSetup: ['test/cli/bundle.ts'],
          include: [...quickTests.laws],
          maxWorkers: cores,
          testTimeout: 180_000,
          hookTimeout: 90_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'fleet',
          globalSetup: ['test/cli/bundle.ts'],
          include: [...quickTests.fleet],
          // They wait for reboots and time limits more than they compute.
          maxWorkers: 2 * cores,
          sequence: { groupOrder: 1 },
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'crash',
          globalSetup: ['test/cli/bundle.ts'],
          include: ['test/crash/**/*.test.ts'],
          env: { KMEND_CRASH_POINTS: process.env.KMEND_CRASH_POINTS ?? '20' },
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'chaos',
          globalSetup: ['test/cli/bundle.ts'],
          include: ['test/chaos/**/*.test.ts'],
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          globalSetup: ['test/cli/bundle.ts'],
          include: ['test/cluster/**/*.test.ts'],
          // They wait for sessions to end more than they compute.
          maxWorkers: cores,
          sequence: { groupOrder: 3 },
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'hosts',
          globalSetup: ['test/cli/bundle.ts'],
          include: ['test/hosts/**/*.test.ts'],
          // Each worker has a lab of its own (test/hosts/lab.ts); the tests wait for boots more than they compute.
          maxWorkers: process.env.KMEND_LAB === undefined ? 2 : 1,
          sequence: { groupOrder: 2 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          exclude: fullMachine ? [] : ['test/vm/full.test.ts'],
          env: { KMEND_VM: fullMachine ? 'full' : '' },
          testTimeout: 400_000,
          hookTimeout: 400_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
