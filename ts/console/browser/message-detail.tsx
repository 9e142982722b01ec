/** One record with everything in it: value as text, JSON or bytes, key, headers, and how to get it on a command line. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { AboutView, Bytes, RecordRow } from '../api.ts';
import { Await } from './empty.tsx';
import { bytes, DASH, moment } from './format.ts';
import { type Loaded, read } from './load.ts';
import { Content } from './record-content.tsx';

interface DetailProps {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export function MessageDetail({ topic, partition, offset }: DetailProps): JSX.Element {
  const [loaded, setLoaded] = useState<Loaded<RecordRow>>({ value: undefined, error: undefined });
  useEffect(() => {
    setLoaded({ value: undefined, error: undefined });
    read<RecordRow>('record', { topic, partition, offset }).then(
      (value) => setLoaded({ value, error: undefined }),
      (error: Error) => setLoaded({ value: undefined, error: error.message }),
    );
  }, [topic, partition, offset]);
  return <Await of={loaded}>{(row) => <Detail topic={topic} row={row} />}</Await>;
}

function Detail({ topic, row }: { topic: string; row: RecordRow }): JSX.Element {
  return (
    <div class="record">
      <dl class="facts">
        <div>
          <dt>Where</dt>
          <dd>
            {topic}, partition {row.partition}, offset {row.offset}
          </dd>
        </div>
        <div>
          <dt>Time</dt>
          <dd>
            {moment(row.timestamp)} <span class="dim">{row.timestamp}</span>
          </dd>
        </div>
        <div>
          <dt>Size</dt>
          <dd>
            key {row.key === null ? 'null' : bytes(row.key.size)}, value{' '}
            {row.value === null ? 'null' : bytes(row.value.size)}
          </dd>
        </div>
        <div>
          <dt>Key</dt>
          <dd class="mono">
            <Short content={row.key} />
          </dd>
        </div>
        {row.headers.map(({ name, value }, index) => (
          <div key={`${index} ${name}`}>
            <dt class="mono">{name}</dt>
            <dd class="mono">
              <Short content={value} />
            </dd>
          </div>
        ))}
      </dl>
      <Content content={row.value} />
      <CopyCommand topic={topic} row={row} />
    </div>
  );
}

function Short({ content }: { content: Bytes | null }): JSX.Element {
  if (content === null) return <span class="dim">null</span>;
  if (content.text !== undefined) return <>{content.text === '' ? <span class="dim">empty</span> : content.text}</>;
  return (
    <>
      <span class="dim">base64 </span>
      {content.base64 ?? DASH}
    </>
  );
}

/** Shell words: quoted unless they are plain. */
function word(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function CopyCommand({ topic, row }: { topic: string; row: RecordRow }): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    const { kafka } = await read<AboutView>('about');
    const range = `${row.offset}:${row.offset + 1}`;
    await navigator.clipboard.writeText(
      `millrace consume ${word(topic)} -p ${row.partition} -o ${range} --brokers ${kafka}`,
    );
    setCopied(true);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {isCopied ? 'Copied' : 'Copy as command'}
    </button>
  );
}
