/**
 * DescribeCluster (key 60), versions 0-2: this node, which is also the controller (rule 3).
 *
 * 1 endpoint type: an endpoint of controllers is not served; 2 fenced brokers, of which there are none.
 */

import { CLUSTER_OPERATIONS, NOT_ASKED } from '../authorized-operations.ts';
import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeClusterRequest,
  type DescribeClusterResponse,
  describeClusterApi,
} from '../protocol/gen/60-describe-cluster.gen.ts';

const EndpointType = { brokers: 1, controllers: 2 } as const;

export function describeClusterHandler(
  context: BrokerContext,
): Handler<DescribeClusterRequest, DescribeClusterResponse> {
  return {
    api: describeClusterApi,
    minVersion: 0,
    maxVersion: 2,
    handle({ endpointType, includeClusterAuthorizedOperations }, exchange) {
      const { node } = context;
      if (endpointType !== EndpointType.brokers) {
        const known = endpointType === EndpointType.controllers;
        const errorCode = known ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE;
        const errorMessage = 'this endpoint is one of brokers';
        exchange.reply({ throttleTimeMs: 0, errorCode, errorMessage, clusterId: '', brokers: [] });
        return;
      }
      const { host, port } = node.address(exchange.peer);
      exchange.reply({
        throttleTimeMs: 0,
        endpointType,
        clusterId: node.clusterId,
        errorCode: ErrorCode.NONE,
        controllerId: node.id,
        brokers: [{ brokerId: node.id, host, port, rack: null, isFenced: false }],
        clusterAuthorizedOperations: includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : NOT_ASKED,
      });
    },
  };
}
