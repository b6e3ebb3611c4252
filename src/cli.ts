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
  // before anything else loads, so that no library ever sees a token in process.env
  const { takeEnvironment } = await import('./foundation/environment-variables.ts');
  const taken = takeEnvironment(process.env);
  const { main } = await import('./surfaces/cli/main.ts');
  process.exitCode = await main(process.argv.slice(2), taken);
}

export {};
