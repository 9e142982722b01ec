/**
 * The choke point: whether somebody may do something with a resource. Every decision of the broker is made here.
 *
 * Who asks where is guards/. The invariants to remember: without an authorizer everything is allowed; with one, nothing is
 * that no rule allows; a rule that denies beats any number that allow, whatever their patterns.
 */

import { type Acl, holdsFor, Operation, type OperationNumber, Pattern, Permission, WILDCARD } from './acl.ts';
import type { AclStore } from './acl-store.ts';
import { EVERYBODY, type Principal } from './principal.ts';

/** Who asks, and from where. */
export interface Asker {
  readonly principal: Principal;
  /** Address of the peer, without the form of IPv4 in IPv6. */
  readonly host: string;
}

export interface AccessOptions {
  /** False: everything is allowed. */
  readonly isEnabled: boolean;
  /** They may do everything. */
  readonly superUsers: ReadonlySet<Principal>;
  /** Without any rule for a resource everybody may use it. */
  readonly allowWithoutRule: boolean;
}

/** Operations that are allowed with another one. */
const IMPLIED_BY: ReadonlyMap<number, ReadonlySet<number>> = new Map<number, ReadonlySet<number>>([
  [
    Operation.describe,
    new Set<number>([Operation.describe, Operation.read, Operation.write, Operation.delete, Operation.alter]),
  ],
  [Operation.describeConfigs, new Set<number>([Operation.describeConfigs, Operation.alterConfigs])],
]);

/** Decides for one broker. */
export class Access {
  readonly #acls: AclStore;
  readonly #options: AccessOptions;

  constructor(acls: AclStore, options: AccessOptions) {
    this.#acls = acls;
    this.#options = options;
  }

  /** False: nobody is refused anything. */
  get isEnabled(): boolean {
    return this.#options.isEnabled;
  }

  /** Whether `asker` may do `operation` with the resource of this name. */
  may(asker: Asker, operation: OperationNumber, resourceType: number, name: string): boolean {
    if (this.#isExempt(asker)) return true;
    let isAllowed = false;
    let hasRule = false;
    for (const acl of this.#acls.holding(resourceType, name)) {
      hasRule = true;
      if (!concerns(acl, asker)) continue;
      if (acl.permission === Permission.deny) {
        if (isSame(acl, operation)) return false;
      } else if (isSame(acl, operation) || IMPLIED_BY.get(operation)?.has(acl.operation) === true) isAllowed = true;
    }
    return isAllowed || (!hasRule && this.#options.allowWithoutRule);
  }

  /** Whether there can be a resource of the type with which `asker` may do `operation`. */
  mayAny(asker: Asker, operation: OperationNumber, resourceType: number): boolean {
    if (this.#isExempt(asker)) return true;
    const denying: Acl[] = [];
    const allowing: Acl[] = [];
    for (const acl of this.#acls.ofType(resourceType)) {
      if (!concerns(acl, asker) || !isSame(acl, operation)) continue;
      (acl.permission === Permission.deny ? denying : allowing).push(acl);
    }
    if (denying.some(isForAll)) return false;
    if (this.#options.allowWithoutRule) return true;
    return allowing.some((acl) => !denying.some((other) => covers(other, acl)));
  }

  /** What `asker` may do of `operations` with a resource, as bits. */
  bits(asker: Asker, operations: number, resourceType: number, name: string): number {
    if (this.#isExempt(asker)) return operations;
    let bits = 0;
    for (let operation = Operation.read as number; operation < 31; operation++) {
      const bit = 1 << operation;
      if ((operations & bit) !== 0 && this.may(asker, operation as OperationNumber, resourceType, name)) bits |= bit;
    }
    return bits;
  }

  #isExempt({ principal }: Asker): boolean {
    return !this.#options.isEnabled || this.#options.superUsers.has(principal);
  }
}

function concerns({ principal, host }: Acl, asker: Asker): boolean {
  return (principal === asker.principal || principal === EVERYBODY) && (host === asker.host || host === WILDCARD);
}

function isSame({ operation }: Acl, asked: number): boolean {
  return operation === asked || operation === Operation.all;
}

function isForAll({ patternType, resourceName }: Acl): boolean {
  return patternType === Pattern.literal && resourceName === WILDCARD;
}

/** Whether every resource for which `acl` holds is one for which `wider` holds. */
function covers(wider: Acl, acl: Acl): boolean {
  if (isForAll(wider)) return true;
  if (isForAll(acl)) return false;
  if (acl.patternType === Pattern.literal) return holdsFor(wider, acl.resourceName);
  return wider.patternType === Pattern.prefixed && acl.resourceName.startsWith(wider.resourceName);
}
