#!/usr/bin/env node
/**
 * The `millrace` command: what package.json's `bin` names. Everything is in main.ts; this file only starts it.
 *
 * Invariant: nothing is loaded here that the asked-for verb does not need, because serve has to be up in 250 ms.
 */
import { main } from './main.ts';

await main(process.argv.slice(2));
