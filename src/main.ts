#!/usr/bin/env node
import { refuseRuntime } from './runtime.ts';

// Everything else is imported after the check: an older runtime may not even be able to load it.
const refusal = refuseRuntime(process.versions.node);
if (refusal !== null) {
  process.stderr.write(`${refusal}\n`);
  process.exit(78);
}
const { main } = await import('./commands/program.ts');
process.exit(await main(process.argv.slice(2)));
