import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // These only end what hangs. How long the product may take is asserted where it is promised; a busy machine may take its time.
    testTimeout: 60_000,
    hookTimeout: 90_000,
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: 'packages', include: ['packages/*/test/**/*.test.ts', 'test/{boundaries,errors,histories}/**/*.test.ts'] },
      },
      // Real processes of the command as published: built before, and after all that computes. Two files at a time: most of them is waiting.
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/{e2e,strangers}/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      // Real processes in network namespaces, with faults between them: one file at a time.
      {
        extends: true,
        test: {
          name: 'partitions',
          include: ['test/{netns,nat,partitions}/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts', 'test/netns/global-setup.ts'],
          fileParallelism: false,
          // After all others: election timeouts do not like a processor that is busy with something else.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
