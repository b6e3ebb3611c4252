#!/usr/bin/env node
import { takeEnvironment } from './foundation/environment-variables.ts';

// before anything else loads, so that no library ever sees a token in process.env
const taken = takeEnvironment(process.env);
const { main } = await import('./surfaces/cli/main.ts');
process.exitCode = await main(process.argv.slice(2), taken);
