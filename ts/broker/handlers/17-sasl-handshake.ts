/**
 * SaslHandshake (key 17), versions 0-1: the client chooses how to log in.
 *
 * 0 tokens then come by themselves, without requests around them; 1 tokens come by SaslAuthenticate.
 */

import type { Handler } from '../handler.ts';
import {
  type SaslHandshakeRequest,
  type SaslHandshakeResponse,
  saslHandshakeApi,
} from '../protocol/gen/17-sasl-handshake.gen.ts';

export function saslHandshakeHandler(): Handler<SaslHandshakeRequest, SaslHandshakeResponse> {
  return {
    api: saslHandshakeApi,
    minVersion: 0,
    maxVersion: 1,
    handle({ mechanism }, exchange) {
      const { security } = exchange.peer;
      const errorCode = security.handshake(mechanism, exchange.apiVersion === 0);
      exchange.reply({ errorCode, mechanisms: [...security.listener.mechanisms] });
    },
  };
}
