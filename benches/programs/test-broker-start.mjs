/**
 * A test run as short as can be, for benches/test-broker.ts: loads `millrace/testing`, starts a broker, and says how long
 * that took, ms. Not a measurement of further starts: those are taken in a process that is warm.
 */
const began = performance.now();
const { startTestBroker } = await import('millrace/testing');
const loaded = performance.now();
const broker = await startTestBroker({ topics: { orders: 3 } });
const ready = performance.now();
await broker.close();
process.stdout.write(`${JSON.stringify({ load: loaded - began, start: ready - loaded })}\n`);
