/**
 * Circles of dependencies between operations: who wrote before whom (ww), read whose value (wr), read before whom (rw).
 *
 * To remember: Kafka lets writers of one partition interleave, so a workload is free of G0 and G1c only when no two
 * transactions write the same partition at a time; and reads are of one moment only when they are one Fetch.
 */
import type { Anomaly } from './anomaly.ts';
import type { Operation } from './history.ts';
import type { LogView } from './log-view.ts';

type Graph = Map<Operation, Set<Operation>>;

/** G0 by ww alone, G1c by ww and wr, G-single by one rw beside them; a circle is reported as the first of these it is. */
export function* cycles(log: LogView): IterableIterator<Anomaly> {
  const { ww, wr, rw } = dependencies(log);
  const both = union(ww, wr);
  const g0 = circular(ww);
  for (const group of g0) yield { kind: 'G0', what: names(group) };
  for (const group of circular(both)) {
    if (!g0.some((other) => other.every((one) => group.includes(one)))) yield { kind: 'G1c', what: names(group) };
  }
  const strong = new Set(circular(both).flat());
  const whole = circular(union(both, rw));
  for (const group of whole) {
    const members = new Set(group);
    for (const from of group) {
      for (const to of rw.get(from) ?? []) {
        if (strong.has(from) || !members.has(to) || !reaches(both, to, from, members)) continue;
        yield { kind: 'G-single', what: names([from, to]) };
      }
    }
  }
}

function dependencies(log: LogView): { ww: Graph; wr: Graph; rw: Graph } {
  const [ww, wr, rw]: [Graph, Graph, Graph] = [new Map(), new Map(), new Map()];
  const committed = log.committed();
  for (const list of committed.values()) {
    for (const [at, { operation }] of list.entries()) {
      const after = list[at + 1]?.operation;
      if (after !== undefined) connect(ww, operation, after);
    }
  }
  for (const { operation, read } of log.reads()) {
    if (read.isolation !== 'committed') continue;
    for (const { value } of read.records) {
      const writer = log.writers.get(value)?.operation;
      if (writer !== undefined) connect(wr, writer, operation);
    }
    const next = committed.get(read.partition)?.find(({ offset }) => offset >= read.stable);
    if (next !== undefined && read.to >= read.stable) connect(rw, operation, next.operation);
  }
  return { ww, wr, rw };
}

function connect(graph: Graph, from: Operation, to: Operation): void {
  if (from === to) return;
  const edges = graph.get(from) ?? new Set();
  graph.set(from, edges.add(to));
}

function union(...graphs: readonly Graph[]): Graph {
  const whole: Graph = new Map();
  for (const graph of graphs) for (const [from, edges] of graph) for (const to of edges) connect(whole, from, to);
  return whole;
}

/** Strongly connected groups of more than one (Tarjan, without recursion). */
function circular(graph: Graph): Operation[][] {
  const index = new Map<Operation, number>();
  const low = new Map<Operation, number>();
  const stack: Operation[] = [];
  const onStack = new Set<Operation>();
  const groups: Operation[][] = [];
  const enter = (node: Operation) => {
    index.set(node, index.size);
    low.set(node, index.size - 1);
    stack.push(node);
    onStack.add(node);
    return { node, edges: (graph.get(node) ?? new Set<Operation>()).values() };
  };
  const lower = (node: Operation, value: number) => low.set(node, Math.min(low.get(node) ?? value, value));
  for (const root of graph.keys()) {
    if (index.has(root)) continue;
    const path = [enter(root)];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const step = top.edges.next();
      if (step.done !== true) {
        if (!index.has(step.value)) path.push(enter(step.value));
        else if (onStack.has(step.value)) lower(top.node, index.get(step.value) ?? 0);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) lower(parent.node, low.get(top.node) ?? 0);
      if (low.get(top.node) !== index.get(top.node)) continue;
      const group = stack.splice(stack.lastIndexOf(top.node));
      for (const node of group) onStack.delete(node);
      if (group.length > 1) groups.push(group);
    }
  }
  return groups;
}

function reaches(graph: Graph, from: Operation, to: Operation, within: ReadonlySet<Operation>): boolean {
  const open = [from];
  const known = new Set(open);
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node === to) return true;
    for (const next of graph.get(node) ?? []) {
      if (!within.has(next) || known.has(next)) continue;
      known.add(next);
      open.push(next);
    }
  }
  return false;
}

function names(operations: readonly Operation[]): string {
  return operations
    .map(({ process, start, sends }) => `${process}@${start}(${sends.map((one) => one.value)})`)
    .join(' ');
}
