/**
 * What `millrace/otel` uses of `@opentelemetry/api` 1.x, as types only: programs pass the module that they have, so that
 * there is one copy of it, theirs, and none where nobody traces.
 */

/** Words of spans and measurements. */
export type Attributes = Record<string, string | number | boolean>;

/** A span that has been begun. */
export interface Span {
  setStatus(status: { code: number }): unknown;
  end(endTime?: number): void;
}

/** Begins spans. */
export interface Tracer {
  startSpan(
    name: string,
    options: { kind: number; root: boolean; startTime: number; attributes: Attributes },
    // biome-ignore lint/suspicious/noExplicitAny: contexts are theirs, and are only handed on.
    context?: any,
  ): Span;
}

/** Makes instruments. */
export interface Meter {
  createHistogram(
    name: string,
    options: { unit: string; description: string; advice: { explicitBucketBoundaries: number[] } },
  ): { record(value: number, attributes: Attributes): void };
  createCounter(
    name: string,
    options: { unit: string; description: string },
  ): { add(value: number, attributes: Attributes): void };
}

/** `import * as api from '@opentelemetry/api'`. */
export interface OpenTelemetryApi<Context> {
  readonly trace: { getTracer(name: string): Tracer };
  readonly metrics: { getMeter(name: string): Meter };
  readonly context: { active(): Context };
  readonly propagation: {
    inject(context: Context, carrier: Record<string, string>): void;
    extract(context: Context, carrier: Record<string, string>): Context;
  };
}
