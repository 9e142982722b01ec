/** Many peers over sockets in a ring. */
import { describe } from 'vitest';
import { crowds } from './crowds.ts';

describe('over sockets in a ring', () => crowds('ring'));
