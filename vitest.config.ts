// Test projects: `unit` needs nothing but Node; `crash` and `chaos` kill controllers (slow); `hosts` needs root and Debian
// packages (skipped, and counted, without them); `vm` boots real kernels in QEMU.
import { defineConfig } from 'vitest/config';

/** Scripts for hosts are imported as text, as in the bundle. */
const textFiles = {
  name: 'text-files',
  enforce: 'pre' as const,
  transform: (text: string, id: string) => (/\.(?:sh|awk)$/.test(id) ? `export default ${JSON.stringify(text)}` : undefined),
};

export default defineConfig({
  plugins: [textFiles],
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/hosts/**', 'test/crash/**', 'test/chaos/**', 'test/vm/**', 'node_modules/**'],
          testTimeout: 90_000,
          hookTimeout: 90_000,
          // Tests with real processes and reboots share two cores in CI: a second try tells a late answer from a wrong one.
          retry: process.env.CI === undefined ? 0 : 1,
        },
      },
      {
        extends: true,
        test: {
          name: 'crash',
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
          include: ['test/chaos/**/*.test.ts'],
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'hosts',
          include: ['test/hosts/**/*.test.ts'],
          retry: process.env.CI === undefined ? 0 : 1,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          // `npm run test:vm -- full`: the word chooses the file, and says that the long one is meant
          env: { KMEND_VM: process.env.KMEND_VM ?? (process.argv.includes('full') ? 'full' : '') },
          testTimeout: 400_000,
          hookTimeout: 400_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
