/** Many peers over sockets of Node. */
import { describe } from 'vitest';
import { crowds } from './crowds.ts';

describe('over sockets of Node', () => crowds('node'));
