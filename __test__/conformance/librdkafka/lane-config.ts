/** The lane of librdkafka: not part of `npm test`, because its client takes minutes to install. See lane.ts. */
import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads a default export.
export default defineConfig({
  test: { include: ['__test__/conformance/librdkafka/lane.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
});
