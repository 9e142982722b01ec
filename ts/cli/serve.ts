/**
 * `millrace serve`: decides the settings, opens and serves, says what is served and what may be lost, and closes in order.
 *
 * Invariant: after the first SIGINT or SIGTERM the directory is closed with its clean mark before the process ends; a
 * second one ends it at once, which costs nothing that was acknowledged as written.
 */
import { describeFlush } from '../durability.ts';
import { type MillraceServer, serve as openServer, settingsTable } from '../serve.ts';
import { CliError, ExitCode, type ExitCodeNumber } from './exit.ts';
import { watchInterrupt } from './interrupt.ts';
import { type Address, formatAddress } from './options.ts';
import { describeStart, startFacts } from './serve-banner.ts';
import { decideServe, describeSettings, type ServeFlags, type ServeSettings } from './serve-settings.ts';
import { DataOutput, type Terminal, tell } from './terminal.ts';

export interface ServeCommand extends ServeFlags {
  readonly checkConfig?: boolean;
  /** `json` prints one line on stdout when clients are served. */
  readonly format: 'text' | 'json';
}

/** Serves until interrupted. Resolves when everything is closed. */
export async function serve(command: ServeCommand, terminal: Terminal): Promise<ExitCodeNumber> {
  const settings = decideServe(command, process.env, settingsTable);
  if (command.checkConfig === true) {
    const lines = describeSettings(settings, describeFlush(settings.flush));
    await new DataOutput(terminal.stdout).text(lines.map(([name, value]) => `${name}=${value}\n`).join(''));
    return ExitCode.ok;
  }
  using interrupt = watchInterrupt();
  const server = await open(settings, terminal);
  const stopped = new Promise<ExitCodeNumber>((resolve) => {
    interrupt.signal.addEventListener('abort', () => resolve(ExitCode.ok), { once: true });
  });
  const forget = server.onFailure((code) => {
    tell(
      terminal,
      `millrace: a flush failed (code ${code}): nothing more can be written; reads go on until you stop it`,
    );
  });
  const facts = startFacts(server, settings, performance.now());
  tell(terminal, describeStart(facts));
  if (command.format === 'json') await new DataOutput(terminal.stdout).text(`${JSON.stringify(facts)}\n`);
  const exitCode = await (interrupt.signal.aborted ? ExitCode.ok : stopped);
  tell(terminal, 'millrace: closing');
  // Closing ends all waiting as a failure would; only one that happens while serving is news.
  forget();
  await server.close();
  tell(terminal, 'millrace: closed cleanly');
  return exitCode;
}

async function open(settings: ServeSettings, terminal: Terminal): Promise<MillraceServer> {
  const { kafka, advertised, dir, flush, durability, driver, sockets } = settings;
  try {
    return await openServer({
      dir,
      flush,
      durability,
      driver,
      kafka: { ...kafka, sockets, advertisedHost: advertised?.host, advertisedPort: advertised?.port },
      settings: Object.fromEntries(settings.settings),
      print: (line) => tell(terminal, `millrace: ${line}`),
    });
  } catch (error) {
    throw explainListen(error, kafka);
  }
}

/** What the system says of an address, as one line that says what to do. */
function explainListen(error: unknown, at: Address): unknown {
  const code = error instanceof Error && 'syscall' in error && 'code' in error ? error.code : undefined;
  const where = formatAddress(at);
  switch (code) {
    case 'EADDRINUSE':
      return new CliError(
        ExitCode.failure,
        `${where} is in use by another program: stop it, or give --kafka HOST:PORT`,
      );
    case 'EACCES':
      return new CliError(ExitCode.failure, `${where} may not be listened on: ports below 1024 need the right to`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new CliError(ExitCode.failure, `${where} is no address of this machine: give --kafka HOST:PORT`);
    default:
      return error;
  }
}
