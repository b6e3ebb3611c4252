#!/usr/bin/env node
// before anything else loads: on an older Node that fails with words that help nobody
const found = process.versions.node;
if (Number(found.split('.')[0]) < 24) {
  process.stderr.write(
    `error: flows needs Node 24 or newer, and this is Node ${found}: install it, or put it first in PATH\n`,
  );
  process.exit(2);
}
void start();

async function start(): Promise<void> {
  keepCompiled();
  // before anything else loads, so that no library ever sees a token in process.env
  const { takeEnvironment } = await import('./foundation/environment-variables.ts');
  const taken = takeEnvironment(process.env);
  const { main } = await import('./surfaces/cli/main.ts');
  process.exitCode = await main(process.argv.slice(2), taken);
}

/**
 * What Node compiled of our code is kept beside it: whoever may write there may change the code itself. Where this user may not,
 * or with `NODE_DISABLE_COMPILE_CACHE=1`, nothing is kept.
 */
function keepCompiled(): void {
  // nobody else writes what this user will run
  const before = process.umask(0o077);
  process.getBuiltinModule('node:module').enableCompileCache(`${import.meta.dirname}/../dist/compile-cache`);
  process.umask(before);
}

export {};
