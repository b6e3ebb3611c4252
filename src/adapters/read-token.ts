import type { TakenEnvironment } from '../foundation/environment-variables.ts';
import type { TokenSource } from '../language/forms.ts';
import { codeOf, FlowError } from '../foundation/errors.ts';
import { Secret } from '../foundation/secret.ts';

/**
 * Reads the token: one line, its final line break is not part of it. @throws FlowError denied
 * @param whose for messages
 */
export async function readToken(
  source: TokenSource,
  environment: TakenEnvironment,
  whose = "the vault's token",
): Promise<Secret> {
  if ('env' in source) {
    const secret = environment.secret(source.env);
    if (secret === undefined || secret.isEmpty) {
      throw new FlowError('denied', `${whose} is missing: environment variable ${source.env} is not set`, {
        hint: 'set it, or give the token by file: or command: in service.yaml',
      });
    }
    return secret;
  }
  const text = 'file' in source ? await fromFile(source.file, whose) : await fromCommand(source.command, whose);
  const line = text.replace(/\r?\n$/, '');
  if (line === '') {
    const where = 'file' in source ? `file ${source.file}` : `command ${source.command[0] ?? ''}`;
    throw new FlowError('denied', `${whose} is missing: ${where} gives nothing`, {
      hint: 'see token: in service.yaml',
    });
  }
  return new Secret(line);
}

async function fromFile(path: string, whose: string): Promise<string> {
  try {
    return await process.getBuiltinModule('node:fs').promises.readFile(path, 'utf8');
  } catch (cause) {
    throw new FlowError('denied', `${whose} is missing: file ${path} cannot be read (${codeOf(cause) ?? 'unknown'})`, {
      cause,
      hint: 'see token: in service.yaml',
    });
  }
}

/** No shell; what the command says on stderr may hold anything, so it is not shown. */
function fromCommand([program = '', ...argv]: readonly string[], whose: string): Promise<string> {
  // loaded when it is needed: what every command knows of this file is only the adapters' declarations
  const { execFile } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve, reject) => {
    execFile(program, argv, { timeout: 60_000, maxBuffer: 64 * 1024, windowsHide: true }, (cause, stdout) => {
      if (cause === null) resolve(stdout);
      else {
        reject(
          new FlowError('denied', `${whose} is missing: command ${program} failed`, {
            hint: 'run it by hand to see why',
          }),
        );
      }
    });
  });
}
