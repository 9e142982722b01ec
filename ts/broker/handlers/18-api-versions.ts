/**
 * ApiVersions (key 18), versions 0-4: exactly what is registered.
 *
 * A version above ours is answered before this handler is reached. The only feature told is metadata.version, at the
 * level of Kafka 3.9, which user interfaces read; features whose lowest level is 0 would break older Java clients.
 * 3 flexible, client software name and version.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  apiVersionsApi,
} from '../protocol/gen/18-api-versions.gen.ts';

const SOFTWARE_SINCE = 3;
const SOFTWARE_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]{0,253}[a-zA-Z0-9])?$/;
const METADATA_VERSION = 21;

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
        supportedFeatures: [{ name: 'metadata.version', minVersion: 1, maxVersion: METADATA_VERSION }],
        finalizedFeaturesEpoch: 0,
        finalizedFeatures: [
          { name: 'metadata.version', minVersionLevel: METADATA_VERSION, maxVersionLevel: METADATA_VERSION },
        ],
      });
    },
  };
}
