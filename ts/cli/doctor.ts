/**
 * `millrace doctor`: looks at the machine, says what is good and what is not, with the fix; changes nothing.
 *
 * Invariant: the table goes to stdout whole or as JSON, and the exit code says the worst verdict only under `--strict`.
 */

import { type Finding, judge, type ProbeFacts } from '../doctor/checks.ts';
import { readFacts } from '../doctor/facts.ts';
import { judgeRecovery } from '../doctor/recovery.ts';
import { probe as probeAddon, probeSockets } from '../tools.ts';
import { type ColourChoice, colourVerdicts, isColoured } from './colour.ts';
import { renderColumns } from './columns.ts';
import { ExitCode, type ExitCodeNumber } from './exit.ts';
import { DataOutput, type Terminal } from './terminal.ts';

export interface DoctorOptions {
  readonly dir: string;
  readonly json: boolean;
  /** A WARN or FAIL becomes exit code 5. */
  readonly strict: boolean;
  /** Print the commands that would apply the fixes, as a shell script. */
  readonly outputScript: boolean;
  /** Default: on a terminal, as NO_COLOR and FORCE_COLOR say. */
  readonly color?: ColourChoice;
}

/** Runs all checks for a data directory at `options.dir`. */
export async function doctor(options: DoctorOptions, terminal: Terminal): Promise<ExitCodeNumber> {
  const facts = readFacts(options.dir);
  const { probe, problem } = await readProbe(facts.folder);
  const recovery = judgeRecovery(options.dir);
  const findings = [...judge(facts, probe, problem), ...(recovery === undefined ? [] : [recovery])];
  const text = render(findings, options);
  const isTable = !options.json && !options.outputScript;
  const isColourful = isTable && isColoured(terminal.stdout, options.color);
  await new DataOutput(terminal.stdout).text(isColourful ? colourVerdicts(text) : text);
  const failed = findings.some((finding) => finding.verdict === 'FAIL');
  const warned = findings.some((finding) => finding.verdict === 'WARN');
  if (options.strict && (failed || warned)) return ExitCode.degraded;
  return failed ? ExitCode.failure : ExitCode.ok;
}

async function readProbe(folder: string): Promise<{ probe: ProbeFacts | undefined; problem: string | undefined }> {
  try {
    const probe = probeAddon(folder);
    return { probe: { ...probe, sockets: await probeSockets(probe.driver) }, problem: undefined };
  } catch (error) {
    return { probe: undefined, problem: error instanceof Error ? error.message : String(error) };
  }
}

function render(findings: readonly Finding[], options: DoctorOptions): string {
  if (options.outputScript) return renderScript(findings);
  if (options.json) return `${JSON.stringify(findings, null, 2)}\n`;
  // What to do stands below what was found: beside it, one long finding would push it off every screen.
  const rows = findings.flatMap((one) => [
    [one.check, one.verdict, one.detail],
    ...(one.verdict === 'OK' ? [] : [['', '', `-> ${one.fix}`]]),
  ]);
  return renderColumns({ headings: ['CHECK', 'STATE', 'FOUND'], rows });
}

function renderScript(findings: readonly Finding[]): string {
  const lines = findings.flatMap((one) => {
    return one.command === undefined ? [] : [`# ${one.check}: ${one.detail}: ${one.fix}`, one.command];
  });
  return `#!/bin/sh\nset -eu\n${lines.map((line) => `${line}\n`).join('')}`;
}
