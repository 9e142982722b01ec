/** Record batches: filled, closed with each codec, read. */
import { codecNames } from '../../ts/log/batch-layout.ts';
import { batchTools } from '../../ts/log/batch-tools.ts';
import { readHeader, readRecords } from '../../ts/log/batch-view.ts';
import { BatchWriter } from '../../ts/log/record-batch.ts';
import { assertDone, type Work } from './work.ts';

const RECORDS = 100;
const NOW = 1_700_000_000_000;
/** Text that compresses about as JSON does. */
const value: Buffer = Buffer.from(
  '{"customer":"ada","article":4711,"count":3,"price":"12.90","note":"to the back door, and ring twice","paid":true,"source":"web"}',
);

function filled(writer: BatchWriter): BatchWriter {
  writer.begin();
  for (let index = 0; index < RECORDS; index += 1) writer.add({ value }, NOW);
  return writer;
}

/** A closed batch of the records, compressed by the codec of that number. */
export function someBatch(codec: number): Buffer {
  const writer = filled(new BatchWriter(batchTools()));
  const end = writer.finish(codec);
  return Buffer.from(writer.bytes.subarray(0, end));
}

/** Filling, and closing and reading with every codec. */
export function batchWorks(): Work[] {
  const writer = new BatchWriter(batchTools());
  const fill: Work = {
    group: 'batch',
    name: `${RECORDS} records are filled in`,
    run: () => assertDone(filled(writer).count, RECORDS, 'records'),
  };
  return [fill, ...codecNames.flatMap((name, codec) => codecWorks(writer, name, codec))];
}

function codecWorks(writer: BatchWriter, codecName: string, codec: number): Work[] {
  const tools = batchTools();
  const batch = someBatch(codec);
  const header = readHeader(batch, 0, batch.length);
  if (header === undefined) throw new Error('the batch is whole');
  return [
    {
      group: 'batch',
      name: `${RECORDS} records are filled in and closed, ${codecName}`,
      run: () => assertDone(filled(writer).finish(codec), batch.length, 'bytes'),
    },
    {
      group: 'batch',
      name: `${RECORDS} records are read, ${codecName}`,
      run() {
        let bytes = 0;
        for (const record of readRecords(batch, 0, header, 0, 0, tools)) bytes += record.value?.length ?? 0;
        assertDone(bytes, RECORDS * value.length, 'bytes');
      },
    },
  ];
}
