/**
 * The context of a trace in the headers of records, as W3C Trace Context and whatever else the program's propagator writes:
 * who appends puts it in, who reads takes it out, also across Kafka clients that do the same.
 */
import type { Content, HeadersInput, LogRecord } from '../log/record.ts';
import type { OpenTelemetryApi } from './api.ts';

/** Longest header that is handed to a propagator, bytes: baggage may have 8 KiB. */
const HEADER_MAX = 16 * 1024;

/** `headers` and those of the active context behind them. A name that both have is the context's alone. */
export function withContext<Context>(
  api: Pick<OpenTelemetryApi<Context>, 'context' | 'propagation'>,
  headers: HeadersInput = [],
): (readonly [name: string, value: Content])[] {
  const carrier: Record<string, string> = {};
  api.propagation.inject(api.context.active(), carrier);
  const given: readonly (readonly [string, Content])[] = isPairs(headers) ? headers : Object.entries(headers);
  return [...given.filter(([name]) => !Object.hasOwn(carrier, name)), ...Object.entries(carrier)];
}

/**
 * The context that a record was appended in, for `context.with` or as the parent of a span; the active one where its headers
 * have none. Of a name that occurs twice the last counts.
 */
export function contextOf<Context>(
  api: Pick<OpenTelemetryApi<Context>, 'context' | 'propagation'>,
  { headers }: Pick<LogRecord, 'headers'>,
): Context {
  const carrier: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (value !== null && value.length <= HEADER_MAX) carrier[name] = value.toString('utf8');
  }
  return api.propagation.extract(api.context.active(), carrier);
}

function isPairs(headers: HeadersInput): headers is readonly (readonly [name: string, value: Content])[] {
  return Array.isArray(headers);
}
