/**
 * `millrace/otel`: spans, measurements and the context of traces for programs that have OpenTelemetry.
 *
 * Depends on no SDK and imports no API: programs hand in theirs. To remember: names of spans and metrics follow
 * OpenTelemetry's conventions, which may change; what is exported here is covered by semantic versioning.
 */
export type { Attributes, Meter, OpenTelemetryApi, Span, Tracer } from './api.ts';
export { type InstrumentOptions, instrument } from './instrument.ts';
export { contextOf, withContext } from './propagation.ts';
export type { ChannelName } from './table.ts';
