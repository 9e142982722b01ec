/** Hostile bytes over sockets in a ring. */
import { describe } from 'vitest';
import { hostileBytes } from './hostile-bytes.ts';

describe('over sockets in a ring', () => hostileBytes('ring'));
