/** What readers of committed data leave out. */

import { describe, expect, test } from 'vitest';
import { AbortedRecords } from '../../ts/log/aborted-records.ts';
import { readHeader } from '../../ts/log/batch-view.ts';
import { encodeBatch } from '../support/record-batch.ts';

const TRANSACTIONAL = 0x10;
const MARKER = 0x30;

/** A batch of one record at an offset; a marker when it says so. */
function batch(offset: number, producerId: number, attributes: number): Buffer {
  const bytes = encodeBatch([Buffer.from('v')], { producerId, producerEpoch: 0, baseSequence: 0 });
  bytes.writeBigInt64BE(BigInt(offset), 0);
  bytes.writeInt16BE(attributes, 21);
  return bytes;
}

describe('aborted records', () => {
  test('reach from the first offset of a transaction to the next marker of its producer', () => {
    const aborted = new AbortedRecords([
      { producerId: 2, firstOffset: 4 },
      { producerId: 1, firstOffset: 1 },
    ]);
    const log: [producerId: number, attributes: number, isAborted: boolean][] = [
      [1, TRANSACTIONAL, false],
      [1, TRANSACTIONAL, true],
      [-1, 0, false],
      [2, TRANSACTIONAL, false],
      [2, TRANSACTIONAL, true],
      [1, MARKER, true],
      [1, TRANSACTIONAL, false],
      [2, TRANSACTIONAL, true],
      [2, MARKER, true],
      [2, TRANSACTIONAL, false],
    ];
    const found = log.map(([producerId, attributes], offset) => {
      const bytes = batch(offset, producerId, attributes);
      const header = readHeader(bytes, 0, bytes.length);
      return header !== undefined && aborted.has(bytes, 0, header);
    });
    expect(found).toEqual(log.map(([, , isAborted]) => isAborted));
  });
});
