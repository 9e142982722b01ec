/**
 * Bytes that somebody stored, as text, as JSON, or byte by byte.
 *
 * To remember: it is always put into the page as text; nothing in it is ever taken for markup.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Bytes } from '../api.ts';
import { bytes } from './format.ts';

type Form = 'json' | 'text' | 'hex';

const titles: Record<Form, string> = { json: 'JSON', text: 'Text', hex: 'Hex' };
const HEX_MAX = 16 * 1024;
const ROW = 16;

function asJson(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
}

function raw({ text, base64 }: Bytes): Uint8Array {
  if (text !== undefined) return new TextEncoder().encode(text);
  return Uint8Array.from(atob(base64 ?? ''), (one) => one.charCodeAt(0));
}

/** As `hexdump -C` prints it. */
function hexOf(content: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(content.length, HEX_MAX); at += ROW) {
    const row = [...content.subarray(at, at + ROW)];
    const hex = row.map((one) => one.toString(16).padStart(2, '0')).join(' ');
    const plain = row.map((one) => (one >= 0x20 && one < 0x7f ? String.fromCharCode(one) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(ROW * 3)} ${plain}`);
  }
  if (content.length > HEX_MAX) lines.push('…');
  return lines.join('\n');
}

export function Content({ content }: { content: Bytes | null }): JSX.Element {
  const [wanted, setWanted] = useState<Form>();
  if (content === null) return <p class="dim">The value is null: a tombstone where the topic is compacted.</p>;
  const json = content.text === undefined ? undefined : asJson(content.text);
  const forms: Form[] = [
    ...(json === undefined ? [] : (['json'] as const)),
    ...(content.text === undefined ? [] : (['text'] as const)),
    'hex',
  ];
  const form = wanted !== undefined && forms.includes(wanted) ? wanted : (forms[0] as Form);
  const shown = form === 'json' ? json : form === 'text' ? content.text : hexOf(raw(content));
  const sent = content.text === undefined ? raw(content).length : new TextEncoder().encode(content.text).length;
  return (
    <div class="content">
      <fieldset class="forms" aria-label="Show the value as">
        {forms.map((one) => (
          <button key={one} type="button" aria-pressed={one === form} onClick={() => setWanted(one)}>
            {titles[one]}
          </button>
        ))}
        {sent < content.size && (
          <span class="dim">
            the first {bytes(sent)} of {bytes(content.size)}
          </span>
        )}
      </fieldset>
      <pre>{shown}</pre>
    </div>
  );
}
