import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';

// npm prepares the package for `npm ci` and `npm pack`, and for the first npx in a checkout, which waits for it: with
// what `npm ci` built that one is there at once, and there is nothing that a Ctrl-C could leave half done in npm's cache
if (process.env['npm_command'] !== 'exec' || !existsSync('dist/cli.js'))
  execSync('npm run build', { stdio: 'inherit' });
