/** One test broker for the whole run. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { globalSetup: ['millrace/testing/vitest'], include: ['*.test.ts'] },
});
