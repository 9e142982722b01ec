/**
 * `millrace/testing`: a broker for tests that is ready in milliseconds, and a simulated disk that loses power.
 *
 * For test code only. To remember: what is exported here is covered by semantic versioning.
 */

export type { SimChange } from '../io/sim.ts';
export type { LogRecord, RecordInput } from '../log/record.ts';
export { type Certificate, type ProfileCertificate, type ProofOptions, provePowerCuts } from './prove.ts';
export { type DiskError, type OperationFault, SimulatedDisk, type SimulatedOptions } from './simulated-disk.ts';
export { type GivenPolicy, type Profile, type StoredPolicy, storedPolicy } from './stored-policy.ts';
export {
  startTestBroker,
  type TestAddress,
  type TestBroker,
  type TestBrokerOptions,
  type TestFaults,
  type TestTopics,
} from './test-broker.ts';
