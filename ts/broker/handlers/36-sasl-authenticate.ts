/**
 * SaslAuthenticate (key 36), versions 0-2: one token of a login, and the answer to it.
 *
 * 1 how long the login is good; 2 flexible.
 */

import type { Handler } from '../handler.ts';
import {
  type SaslAuthenticateRequest,
  type SaslAuthenticateResponse,
  saslAuthenticateApi,
} from '../protocol/gen/36-sasl-authenticate.gen.ts';

export function saslAuthenticateHandler(): Handler<SaslAuthenticateRequest, SaslAuthenticateResponse> {
  return {
    api: saslAuthenticateApi,
    minVersion: 0,
    maxVersion: 2,
    handle({ authBytes }, exchange) {
      exchange.peer.security.token(authBytes, ({ error, message, token, sessionLifetimeMs }) => {
        exchange.reply({ errorCode: error, errorMessage: message, authBytes: token, sessionLifetimeMs });
      });
    },
  };
}
