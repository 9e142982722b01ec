/**
 * UpdateFeatures (key 57), versions 0-2: levels of features are fixed, so only the level in force can be asked for.
 *
 * All updates of a request or none. 1 upgrade types and asking only; 2 no row for each feature.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { FEATURES } from '../metadata/features.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type FeatureUpdateKey,
  type UpdateFeaturesRequest,
  type UpdateFeaturesResponse,
  updateFeaturesApi,
} from '../protocol/gen/57-update-features.gen.ts';

/** Why a feature cannot get this level; undefined when it has it. */
function problemOf({ feature, maxVersionLevel }: FeatureUpdateKey, nodeId: number): string | undefined {
  const known = FEATURES.find(({ name }) => name === feature);
  if (known?.level === maxVersionLevel) return undefined;
  const invalid = `Invalid update version ${maxVersionLevel} for feature ${feature}. Local controller ${nodeId}`;
  if (known === undefined) return `${invalid} does not support this feature.`;
  const { minVersion, maxVersion } = known;
  if (maxVersionLevel < minVersion || maxVersionLevel > maxVersion) {
    return `${invalid} only supports versions ${minVersion}-${maxVersion}`;
  }
  return `${invalid} keeps it at ${known.level}.`;
}

export function updateFeaturesHandler(context: BrokerContext): Handler<UpdateFeaturesRequest, UpdateFeaturesResponse> {
  return {
    api: updateFeaturesApi,
    minVersion: 0,
    maxVersion: 2,
    handle({ featureUpdates }, exchange) {
      const problem = featureUpdates.map((one) => problemOf(one, context.node.id)).find((one) => one !== undefined);
      const errorCode = problem === undefined ? ErrorCode.NONE : ErrorCode.INVALID_UPDATE_VERSION;
      const errorMessage =
        problem === undefined
          ? null
          : `The update failed for all features since the following feature had an error: ${problem}`;
      const results = featureUpdates.map(({ feature }) => ({ feature, errorCode, errorMessage }));
      exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, results: problem === undefined ? results : [] });
    },
  };
}
