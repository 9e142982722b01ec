/**
 * `millrace acl create|list|delete`: access rules, by rpk's letters.
 *
 * Invariant: a rule is made for every combination of principal, resource, operation and host that was given, and for none
 * that was not; nothing is deleted without having been shown.
 */
import { describeAclsApi } from '../broker/protocol/gen/29-describe-acls.gen.ts';
import { createAclsApi } from '../broker/protocol/gen/30-create-acls.gen.ts';
import { deleteAclsApi } from '../broker/protocol/gen/31-delete-acls.gen.ts';
import { CLUSTER_NAME, Operation, Pattern, Permission, ResourceType } from '../broker/security/acl.ts';
import { ExitCode, type ExitCodeNumber, usage } from './exit.ts';
import { check, errorName, exitCodeOfKafka } from './kafka-names.ts';
import { type Form, print } from './report.ts';
import { type AdminSession, type ClientOptions, openAdmin } from './session.ts';
import { confirm, type Terminal } from './terminal.ts';

/** What rules are meant; lists may be empty. */
export interface AclOptions extends ClientOptions, Form {
  /** A data directory that no server has open, instead of a server. */
  readonly dir?: string;
  readonly allowPrincipal?: readonly string[];
  readonly denyPrincipal?: readonly string[];
  readonly allowHost?: readonly string[];
  readonly denyHost?: readonly string[];
  readonly operation?: readonly string[];
  readonly topic?: readonly string[];
  readonly group?: readonly string[];
  readonly transactionalId?: readonly string[];
  readonly cluster?: boolean;
  readonly resourcePatternType: 'literal' | 'prefixed';
  readonly yes?: boolean;
}

interface Row {
  readonly principal: string;
  readonly host: string;
  readonly resource: string;
  readonly name: string;
  readonly pattern: string;
  readonly operation: string;
  readonly permission: string;
}

interface Resource {
  readonly type: number;
  readonly name: string;
}

const TYPE_NAMES = new Map<number, string>([
  [ResourceType.topic, 'topic'],
  [ResourceType.group, 'group'],
  [ResourceType.cluster, 'cluster'],
  [ResourceType.transactionalId, 'transactional-id'],
  [ResourceType.delegationToken, 'delegation-token'],
  [ResourceType.user, 'user'],
]);

/** Names of operations as Kafka's tools write them. */
export const OPERATIONS: ReadonlyMap<string, number> = new Map(
  Object.entries(Operation)
    .filter(([name]) => name !== 'any')
    .map(([name, number]) => [name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), number]),
);

/** Makes rules. */
export async function createAcls(options: AclOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  const resources = resourcesOf(options);
  const operations = operationsOf(options);
  if (resources.length === 0)
    throw usage('name what the rule is for: --topic, --group, --transactional-id or --cluster');
  if (operations.length === 0) throw usage('name what may be done: --operation');
  const creations = grantsOf(options).flatMap(({ principal, host, permissionType }) =>
    resources.flatMap(({ type, name }) =>
      operations.map((operation) => ({
        resourceType: type,
        resourceName: name,
        resourcePatternType: Pattern[type === ResourceType.cluster ? 'literal' : options.resourcePatternType],
        principal,
        host,
        operation,
        permissionType,
      })),
    ),
  );
  if (creations.length === 0) throw usage('name who the rule is for: --allow-principal or --deny-principal');
  await using session = await openAdmin(options, { dir: options.dir, create: false });
  const { results } = await session.send(createAclsApi, { creations });
  const rows = creations.map(({ resourcePatternType, permissionType, ...rest }) => {
    return rowOf({ ...rest, patternType: resourcePatternType, permissionType });
  });
  return printRows(
    rows,
    results.map(({ errorCode, errorMessage }) => ({ errorCode, errorMessage })),
    options,
    terminal,
  );
}

/** Lists the rules that options mean; all of them without any. */
export async function listAcls(options: AclOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  await using session = await openAdmin(options, { dir: options.dir, create: false });
  const rows = await find(session, options);
  return printRows(
    rows,
    rows.map(() => ({ errorCode: 0, errorMessage: null })),
    options,
    terminal,
  );
}

/** Deletes the rules that options mean, after showing them and asking. */
export async function deleteAcls(options: AclOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  await using session = await openAdmin(options, { dir: options.dir, create: false });
  const found = await find(session, options);
  if (found.length === 0) return printRows([], [], options, terminal);
  await confirm(terminal, `delete ${found.length} rules: ${found.map(sentence).join('; ')}`, options.yes === true);
  const { filterResults } = await session.send(deleteAclsApi, { filters: filtersOf(options) });
  for (const { errorCode, errorMessage } of filterResults) check(errorCode, 'rules', errorMessage);
  const deleted = filterResults.flatMap(({ matchingAcls }) => matchingAcls);
  return printRows(deleted.map(rowOf), deleted, options, terminal);
}

async function find(session: AdminSession, options: AclOptions): Promise<Row[]> {
  const rows = new Map<string, Row>();
  for (const filter of filtersOf(options)) {
    const answer = await session.send(describeAclsApi, filter);
    check(answer.errorCode, 'rules', answer.errorMessage);
    for (const { resourceType, resourceName, patternType, acls } of answer.resources) {
      for (const acl of acls) {
        const row = rowOf({ resourceType, resourceName, patternType, ...acl });
        rows.set(JSON.stringify(row), row);
      }
    }
  }
  return [...rows.values()].sort((left, right) => (sentence(left) < sentence(right) ? -1 : 1));
}

/** One filter for each combination; what is not given means everything. */
function filtersOf(options: AclOptions) {
  const resources: readonly (Resource | undefined)[] = orAny(resourcesOf(options));
  const grants: readonly (Grant | undefined)[] = orAny(grantsOf(options));
  const operations: readonly (number | undefined)[] = orAny(operationsOf(options));
  return resources.flatMap((resource) =>
    grants.flatMap((grant) =>
      operations.map((operation) => ({
        resourceTypeFilter: resource?.type ?? ResourceType.any,
        resourceNameFilter: resource?.name ?? null,
        patternTypeFilter:
          resource === undefined || resource.type === ResourceType.cluster
            ? Pattern.any
            : Pattern[options.resourcePatternType],
        principalFilter: grant?.principal ?? null,
        hostFilter: grant?.isAnyHost === true ? null : (grant?.host ?? null),
        operation: operation ?? Operation.any,
        permissionType: grant?.permissionType ?? Permission.any,
      })),
    ),
  );
}

function orAny<Item>(items: readonly Item[]): readonly (Item | undefined)[] {
  return items.length === 0 ? [undefined] : items;
}

interface Grant {
  readonly principal: string;
  readonly host: string;
  readonly isAnyHost: boolean;
  readonly permissionType: number;
}

/** Who is meant, from where, and whether it is allowed or denied. */
function grantsOf({ allowPrincipal = [], denyPrincipal = [], allowHost, denyHost }: AclOptions): Grant[] {
  const grants = (principals: readonly string[], hosts: readonly string[] | undefined, permissionType: number) =>
    principals.flatMap((name) => {
      const principal = name.includes(':') ? name : `User:${name}`;
      return (hosts ?? ['*']).map((host) => ({ principal, host, isAnyHost: hosts === undefined, permissionType }));
    });
  return [...grants(allowPrincipal, allowHost, Permission.allow), ...grants(denyPrincipal, denyHost, Permission.deny)];
}

function resourcesOf({ topic = [], group = [], transactionalId = [], cluster = false }: AclOptions): Resource[] {
  return [
    ...topic.map((name) => ({ type: ResourceType.topic, name })),
    ...group.map((name) => ({ type: ResourceType.group, name })),
    ...transactionalId.map((name) => ({ type: ResourceType.transactionalId, name })),
    ...(cluster ? [{ type: ResourceType.cluster, name: CLUSTER_NAME }] : []),
  ];
}

function operationsOf({ operation = [] }: AclOptions): number[] {
  return operation.map((name) => {
    const number = OPERATIONS.get(name.toLowerCase().replaceAll('_', '-'));
    if (number === undefined)
      throw usage(`there is no operation '${name}': give one of ${[...OPERATIONS.keys()].join(', ')}`);
    return number;
  });
}

function rowOf(acl: {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly patternType: number;
  readonly principal: string;
  readonly host: string;
  readonly operation: number;
  readonly permissionType: number;
}): Row {
  return {
    principal: acl.principal,
    host: acl.host,
    resource: TYPE_NAMES.get(acl.resourceType) ?? String(acl.resourceType),
    name: acl.resourceName,
    pattern: acl.patternType === Pattern.prefixed ? 'prefixed' : 'literal',
    operation: [...OPERATIONS].find(([, number]) => number === acl.operation)?.[0] ?? String(acl.operation),
    permission: acl.permissionType === Permission.deny ? 'deny' : 'allow',
  };
}

function sentence({ principal, host, resource, name, pattern, operation, permission }: Row): string {
  return `${principal} from ${host}: ${permission} ${operation} of ${resource} ${name}${pattern === 'prefixed' ? '...' : ''}`;
}

async function printRows(
  rows: readonly Row[],
  results: readonly { errorCode: number; errorMessage: string | null }[],
  options: AclOptions,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const headings = ['PRINCIPAL', 'HOST', 'RESOURCE', 'NAME', 'PATTERN', 'OPERATION', 'PERMISSION', 'ERROR'];
  const told = rows.map((row, index) => {
    const { errorCode = 0, errorMessage = null } = results[index] ?? {};
    return { ...row, error: errorCode === 0 ? '' : `${errorName(errorCode)}: ${errorMessage ?? ''}` };
  });
  await print(terminal, options, { headings, rows: told.map((row) => Object.values(row)) }, told);
  const failed = results.find(({ errorCode }) => errorCode !== 0);
  return failed === undefined ? ExitCode.ok : exitCodeOfKafka(failed.errorCode);
}
