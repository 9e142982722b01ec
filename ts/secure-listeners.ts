/**
 * What a server's options say about TLS and logins, put together before anything is opened.
 *
 * Not a listener. To remember: an address for TLS without a certificate, and a certificate that nothing uses, are mistakes
 * of whoever wrote the options, and are said to be.
 */

import type { BrokerSettings } from './broker/settings.ts';
import { MillraceError } from './errors.ts';
import { HTTP_HOST } from './http/http-options.ts';
import { REDIS_HOST } from './redis/redis-options.ts';
import type { KafkaOptions, ListenOptions } from './serve-options.ts';
import type { Binding } from './tls/bind-rules.ts';
import { TlsIdentity, type TlsOptions } from './tls/tls-identity.ts';

export const KAFKA_HOST = '127.0.0.1';

/** Addresses where clients have to speak TLS. */
export function secureListeners({ kafka, redis }: ListenOptions): { readonly host: string; readonly port: number }[] {
  const listeners: { host: string; port: number }[] = [];
  if (kafka?.tls) listeners.push({ host: kafka.tls.host ?? KAFKA_HOST, port: kafka.tls.port });
  if (redis?.tls) listeners.push({ host: redis.tls.host ?? REDIS_HOST, port: redis.tls.port });
  return listeners;
}

/** Certificate and key for those addresses. Throws MILLRACE_OPTION when one of both is missing. */
export function identityOf(tls: TlsOptions | undefined, listeners: readonly unknown[]): TlsIdentity | undefined {
  if (tls === undefined) {
    if (listeners.length === 0) return undefined;
    throw new MillraceError(
      'MILLRACE_OPTION',
      'an address for TLS needs a certificate and its key: --tls-cert, --tls-key',
    );
  }
  if (listeners.length === 0) {
    throw new MillraceError(
      'MILLRACE_OPTION',
      'a certificate is of no use without an address for TLS: --kafka-tls, --redis-tls',
    );
  }
  return new TlsIdentity(tls);
}

/** Every address that is to be listened on, with what it demands of clients. */
export function bindingsOf(options: ListenOptions, settings: BrokerSettings): Binding[] {
  const { kafka = {}, redis, http, tls } = options;
  const knowsCertificates = tls?.ca !== undefined;
  const login = kafka.login === true && settings.text('sasl.enabled.mechanisms') !== '';
  const bindings: Binding[] = [
    {
      name: 'kafka',
      host: kafka.host ?? KAFKA_HOST,
      isTls: false,
      knowsClients: login,
      remedy: 'give them --kafka-tls',
    },
  ];
  const add = (name: string, host: string | undefined, knowsClients: boolean, remedy: string, isTls = true): void => {
    bindings.push({ name, host: host ?? KAFKA_HOST, isTls, knowsClients, remedy });
  };
  if (kafka.tls) {
    add(
      'kafka-tls',
      kafka.tls.host,
      login || knowsCertificates,
      'give --auth sasl, or --tls-ca for client certificates',
    );
  }
  const hasPassword = redis?.password !== undefined && redis.password !== '';
  if (redis) add('redis', redis.host ?? REDIS_HOST, hasPassword, 'give them --redis-tls', false);
  if (redis?.tls) {
    add('redis-tls', redis.tls.host, hasPassword || knowsCertificates, 'set MILLRACE_REDIS_PASSWORD, or give --tls-ca');
  }
  if (http) add('http', http.host ?? HTTP_HOST, false, 'put something that has it before it', false);
  return bindings;
}

/** The setting `listeners`, as Kafka would have it. */
export function listenersText(kafka: KafkaOptions | undefined, host: string, port: number): string {
  const prefix = kafka?.login === true ? 'SASL_' : '';
  const plain = `${prefix}PLAINTEXT://${host}:${port}`;
  return kafka?.tls ? `${plain},${prefix}SSL://${kafka.tls.host ?? KAFKA_HOST}:${kafka.tls.port}` : plain;
}
