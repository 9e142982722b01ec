/** Hostile bytes over Node's own sockets. */
import { describe } from 'vitest';
import { hostileBytes } from './hostile-bytes.ts';

describe("over Node's own sockets", () => hostileBytes('node'));
