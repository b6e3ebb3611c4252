#!/usr/bin/env node
import { takeEnvironment } from './environment.ts';

// before anything else loads, so that no library ever sees a token in process.env
const taken = takeEnvironment(process.env);
const { main } = await import('./cli/main.ts');
process.exitCode = await main(process.argv.slice(2), taken);
