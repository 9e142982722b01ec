/**
 * `millrace serve`: decides the settings, opens and serves, says what is served and what may be lost, and closes in order.
 *
 * Invariant: after the first SIGINT or SIGTERM the directory is closed with its clean mark before the process ends; a
 * second one ends it at once, which costs nothing that was acknowledged as written.
 */
import { statfsSync } from 'node:fs';
import { describeFlush } from '../durability.ts';
import { checkServe, type MillraceServer, serve as openServer, settingsTable } from '../serve.ts';
import { serviceManager } from '../service-manager.ts';
import { describeBytes } from '../units.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { watchInterrupt } from './interrupt.ts';
import { formatAddress } from './options.ts';
import { describeStart, startFacts } from './serve-banner.ts';
import { serveOptions } from './serve-options.ts';
import { decideServe, describeSettings, type ServeFlags, type ServeSettings } from './serve-settings.ts';
import { type LogFormat, type ServerLog, serverLog } from './server-log.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface ServeCommand extends ServeFlags {
  readonly checkConfig?: boolean;
  /** `json` prints one line on stdout when clients are served. */
  readonly format: 'text' | 'json';
  /** How what is said to people is written. */
  readonly logFormat?: LogFormat;
}

/** Serves until interrupted. Resolves when everything is closed. */
export async function serve(command: ServeCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  const settings = decideServe(command, process.env, settingsTable);
  if (command.checkConfig === true) {
    checkServe(serveOptions(settings));
    for (const note of settings.notes) terminal.stderr.write(`millrace: ${note}\n`);
    const lines = describeSettings(settings, describeFlush(settings.flush));
    await new DataOutput(terminal.stdout).text(lines.map(([name, value]) => `${name}=${value}\n`).join(''));
    return ExitCode.ok;
  }
  using interrupt = watchInterrupt();
  using manager = serviceManager(process.env);
  const log = serverLog(terminal, command.logFormat ?? 'text');
  for (const note of settings.notes) log.say('warn', 'setting', `millrace: ${note}`);
  const server = await open(settings, log);
  const stopped = new Promise<ExitCodeNumber>((resolve) => {
    interrupt.signal.addEventListener('abort', () => resolve(ExitCode.ok), { once: true });
  });
  const forget = server.onFailure((code) => {
    const what = `a flush failed (code ${code}): nothing more can be written; reads go on until you stop it`;
    log.say('error', 'flush-failed', `millrace: ${what}`, { code });
  });
  using _reload = reloadOnHangup(server, log);
  using _space = sayWhenFull(server, settings.dir, log);
  const facts = startFacts(server, settings, performance.now());
  const isWell = facts.recovery.damage.length === 0 && facts.cautions.length === 0;
  log.say(isWell ? 'info' : 'warn', 'ready', describeStart(facts), { ...facts });
  manager.ready(`serves Kafka on ${facts.kafka}`);
  if (command.format === 'json') await new DataOutput(terminal.stdout).text(`${JSON.stringify(facts)}\n`);
  const exitCode = await (interrupt.signal.aborted ? ExitCode.ok : stopped);
  manager.stopping();
  log.say('info', 'closing', 'millrace: closing');
  // Closing ends all waiting as a failure would; only one that happens while serving is news.
  forget();
  await server.close();
  log.say('info', 'closed', 'millrace: closed cleanly');
  return exitCode;
}

async function open(settings: ServeSettings, log: ServerLog): Promise<MillraceServer> {
  try {
    const print = (line: string) => log.say('warn', 'connection', `millrace: ${line}`);
    return await openServer({ ...serveOptions(settings), print });
  } catch (error) {
    throw explainListen(error, settings);
  }
}

/** Free space below which nobody wonders that a disk is called full. */
const LITTLE_BYTES = 1024 * 1024;

/** Says when the disk is full and when it is not any more: clients get an error that does not tell them. */
function sayWhenFull(server: MillraceServer, dir: string, log: ServerLog): Disposable {
  const forget = server.onDiskFull((isFull) => {
    const freeBytes = freeSpace(dir);
    const free = freeBytes === undefined ? '' : ` (${describeBytes(freeBytes)} free at ${dir})`;
    // What is free may look like plenty: the journal goes on in files that are made whole.
    const short = (freeBytes ?? 0) > LITTLE_BYTES ? ', less than the next file takes' : '';
    const text = isFull
      ? `the disk is full${free}${short}: writes are refused until there is room; reads, deletes and retention go on`
      : `there is room on the disk again${free}: writes are taken`;
    log.say(isFull ? 'error' : 'info', isFull ? 'disk-full' : 'disk-has-room', `millrace: ${text}`, { freeBytes });
  });
  return { [Symbol.dispose]: forget };
}

function freeSpace(dir: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** SIGHUP reads certificate and key again; what cannot be used is said, and the old ones stay. */
function reloadOnHangup(server: MillraceServer, log: ServerLog): Disposable {
  const reload = (): void => {
    try {
      server.reloadTls();
      log.say('info', 'reloaded', 'millrace: certificate and key were read again');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.say('error', 'reloaded', `millrace: certificate and key stay as they are: ${why}`);
    }
  };
  process.on('SIGHUP', reload);
  return { [Symbol.dispose]: () => process.off('SIGHUP', reload) };
}

/** What the system says of an address, as one line that says what to do. */
function explainListen(error: unknown, { kafka, http }: ServeSettings): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error;
  const isHttp = http !== undefined && 'port' in error && error.port === http.port && error.port !== kafka.port;
  const where = formatAddress(isHttp ? http : kafka);
  const flag = isHttp ? '--http' : '--kafka';
  switch (error.code) {
    case 'EADDRINUSE':
      return new CliError(
        ExitCode.failure,
        `${where} is in use by another program: stop it, or give ${flag} HOST:PORT`,
      );
    case 'EACCES':
      return new CliError(ExitCode.failure, `${where} may not be listened on: ports below 1024 need the right to`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new CliError(ExitCode.failure, `${where} is no address of this machine: give ${flag} HOST:PORT`);
    default:
      return error;
  }
}
