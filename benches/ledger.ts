/**
 * The ledger: what one request of each kind costs from socket to device and back, counted, beside the floor of the machine.
 * Prints the table; with `--into FILE` it stands in that page, in place of the one that was there.
 *
 * Invariant: server, load and floor are measured in this run, on this machine; a count that could not be taken is a dash.
 * `--counts` leaves the times out: on a machine that has other work, counts hold and times do not.
 *
 * ```
 * npx tsx benches/ledger.ts [--into docs/performance.md] [--only NAME,NAME] [--counts] [--dir DIR] [--json FILE]
 * ```
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { conditions } from './conditions.ts';
import { type Floor, measureFloor } from './ledger/floor.ts';
import { type Line, measure, measureTimes, type Times } from './ledger/measure.ts';
import { Subject } from './ledger/subject.ts';
import { countSyscalls, type Syscalls } from './ledger/syscalls.ts';
import { type Work, works } from './ledger/works.ts';

const CALLERS = [1, 64];
const WINDOWS = 5;
/** Operations of a window, by what takes them: few enough for no collection in between. */
const OPERATIONS = 4000;
/** Before them: until V8 has compiled what it is going to. */
const WARM_UP = 30_000;
/** And where things are counted. */
const FEW = 1000;
const begin = '<!-- ledger: npx tsx benches/ledger.ts --into docs/performance.md -->';
const end = '<!-- ledger end -->';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    counts: { type: 'boolean', default: false },
    into: { type: 'string' },
    json: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
  },
});

interface Entry {
  readonly work: string;
  readonly what: string;
  readonly callers: number;
  readonly line: Line;
  readonly times: Times | undefined;
  readonly syscalls: Syscalls | undefined;
  readonly floor: Floor | undefined;
}

async function timesOf(work: Work, callers: number): Promise<Times> {
  await using subject = await Subject.start(values.dir, false, true);
  using running = await work.open(subject, callers);
  return await measureTimes(subject, running, { warmUp: WARM_UP, windows: WINDOWS, operations: OPERATIONS });
}

async function entry(work: Work, callers: number): Promise<Entry> {
  const times = values.counts ? undefined : await timesOf(work, callers);
  await using subject = await Subject.start(values.dir, true);
  using running = await work.open(subject, callers);
  const operations = FEW;
  const line = await measure(subject, running, { warmUp: operations * 8, windows: WINDOWS, operations });
  const counted = await countSyscalls(subject.ports.pid, () => running.run(operations * 2));
  const each = counted && Object.entries(counted).map(([name, count]) => [name, count / (operations * 2)]);
  const syscalls = each && (Object.fromEntries(each) as unknown as Syscalls);
  const floor = await measureFloor(values.dir, work, callers, operations);
  return { work: work.name, what: work.what, callers, line, times, syscalls, floor };
}

function shown(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '-';
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)));
}

/** Nanoseconds: what is below a hundred of them says nothing. */
function whole(nanos: number | undefined): string {
  return nanos === undefined || Number.isNaN(nanos) ? '-' : (Math.round(nanos / 100) * 100).toLocaleString('en-US');
}

/** The columns: heading and cell. */
const columns: readonly (readonly [heading: string, cell: (entry: Entry) => string])[] = [
  ['work, at a time', ({ work, callers }) => `${work}, ${callers}`],
  ['calls + callbacks', ({ line }) => `${shown(line.callsIn)} + ${shown(line.callbacksOut)}`],
  ['system calls', ({ syscalls: it }) => shown(it && it.all - it.memory)],
  [
    'of them enter, epoll, read and write',
    ({ syscalls: it }) => (it ? `${shown(it.ringEnter)}, ${shown(it.epollWait)}, ${shown(it.readWrite)}` : '-'),
  ],
  ['and for memory', ({ syscalls }) => shown(syscalls?.memory)],
  ['commits', ({ line }) => shown(line.commits)],
  ['bytes copied', ({ line }) => shown(line.copied)],
  ['V8 heap, bytes', ({ line }) => shown(line.heap)],
  ['malloc', ({ line }) => shown(line.allocations)],
  ['floor: system calls', ({ floor }) => shown(floor?.syscalls)],
];
const times: typeof columns = [
  ['CPU, ns', ({ times: it }) => whole(it?.cpuNanos)],
  ['floor: CPU, ns', ({ floor }) => whole(floor?.cpuNanos)],
  ['p50, us', ({ times: it }) => shown(it?.latencyMicros)],
  ['floor: p50, us', ({ floor }) => shown(floor?.latencyMicros)],
];
const wantedColumns = values.counts ? columns : [...columns, ...times];

function row(entry: Entry): string {
  return `| ${wantedColumns.map(([, cell]) => cell(entry)).join(' | ')} |`;
}

function page(entries: readonly Entry[]): string {
  const facts = conditions(values.dir);
  const kinds = new Map(entries.map(({ work, what }) => [work, what]));
  return [
    `| ${wantedColumns.map(([heading]) => heading).join(' | ')} |`,
    `|${'---|'.repeat(wantedColumns.length)}`,
    ...entries.map(row),
    '',
    ...[...kinds].map(([work, what]) => `- ${work}: ${what}.`),
    '',
    `${facts.cpu}, ${facts.kernel}, ${facts['file system']}, ${facts['device cache']}, Node ${facts.node}. The load is a process`,
    'of its own on the same machine.',
  ].join('\n');
}

const wanted = values.only?.split(',');
const entries: Entry[] = [];
for (const work of works.filter(({ name }) => wanted?.includes(name) ?? true)) {
  for (const callers of CALLERS) {
    entries.push(await entry(work, callers));
    process.stdout.write(`${row(entries.at(-1) as Entry)}\n`);
  }
}
const table = page(entries);
process.stdout.write(`\n${table}\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ entries }, null, 2)}\n`);
if (values.into !== undefined) {
  const text = readFileSync(values.into, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${values.into} has no place for the ledger: ${begin}`);
  writeFileSync(values.into, `${text.slice(0, from)}${begin}\n${table}\n${text.slice(to)}`);
}
