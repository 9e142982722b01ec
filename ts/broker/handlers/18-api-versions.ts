/**
 * ApiVersions (key 18), versions 0-4: exactly what is registered.
 *
 * A version above ours is answered before this handler is reached. Features: metadata/features.ts.
 * 3 flexible, client software name and version; 4 features whose lowest level is 0, over which older Java clients fail.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { FEATURES } from '../metadata/features.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  apiVersionsApi,
} from '../protocol/gen/18-api-versions.gen.ts';

const SOFTWARE_SINCE = 3;
const LEVEL_ZERO_SINCE = 4;
const SOFTWARE_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]{0,253}[a-zA-Z0-9])?$/;

/** Older Java clients fail over a feature whose lowest level is 0. */
function supported(version: number) {
  const told = FEATURES.filter(({ minVersion }) => minVersion > 0 || version >= LEVEL_ZERO_SINCE);
  return told.map(({ name, minVersion, maxVersion }) => ({ name, minVersion, maxVersion }));
}

export function apiVersionsHandler(context: BrokerContext): Handler<ApiVersionsRequest, ApiVersionsResponse> {
  return {
    api: apiVersionsApi,
    minVersion: 0,
    maxVersion: 4,
    handle(request, exchange) {
      if (exchange.apiVersion >= SOFTWARE_SINCE) {
        const { clientSoftwareName: name, clientSoftwareVersion: version } = request;
        if (!SOFTWARE_PATTERN.test(name) || !SOFTWARE_PATTERN.test(version)) {
          exchange.reply({ errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [] });
          return;
        }
        exchange.peer.softwareName = name;
        exchange.peer.softwareVersion = version;
      }
      exchange.reply({
        errorCode: ErrorCode.NONE,
        apiKeys: [...context.apiRanges()],
        supportedFeatures: supported(exchange.apiVersion),
        finalizedFeaturesEpoch: 0,
        finalizedFeatures: FEATURES.map(({ name, level }) => ({
          name,
          minVersionLevel: level,
          maxVersionLevel: level,
        })),
      });
    },
  };
}
