import { defineConfig } from 'vitest/config';

/**
 * Three projects, by what they need:
 *  pure    — nothing but the code (seconds; part of `npm run check`)
 *  servers — a real PostgreSQL and a real Azurite, started once by test/support/global-setup.ts
 *  e2e     — a running host by URL (E2E_BASE_URL), or one the suite starts itself
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/{domain,orchestrations,wire,shared,local}/**/*.test.ts'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'servers',
          include: ['test/{servers,http,host}/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          // After the others: a host that is killed at a certain moment wants the machine for itself.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
