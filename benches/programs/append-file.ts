/**
 * What a Node program does without us: `fs.promises` write and datasync for every append. The file is written over
 * beforehand, so that a flush changes no metadata: the kindest case.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { loopOptions, runClosedLoop } from './closed-loop.ts';

const FILE_LENGTH = 64 * 2 ** 20;

const options = loopOptions();
await using file = await open(join(options.directory, 'file'), 'w', 0o600);
const zeros = new Uint8Array(2 ** 20);
for (let position = 0; position < FILE_LENGTH; position += zeros.length)
  await file.write(zeros, 0, zeros.length, position);
await file.sync();
const bytes = new Uint8Array(options.size).fill(0xa5);
let position = 0;
await runClosedLoop(options, async () => {
  const at = position;
  position = (position + bytes.length) % (FILE_LENGTH - bytes.length);
  await file.write(bytes, 0, bytes.length, at);
  await file.datasync();
});
