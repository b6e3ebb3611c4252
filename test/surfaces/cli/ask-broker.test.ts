import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, openApp } from '../../../src/app/open-app.ts';
import { takeEnvironment } from '../../../src/foundation/environment-variables.ts';
import { operatorPaths } from '../../../src/foundation/wire.ts';
import { askBroker } from '../../../src/surfaces/cli/ask-broker.ts';
import { createLogger } from '../../../src/surfaces/server/log.ts';
import { serve } from '../../../src/surfaces/server/start.ts';
import { createHome, type Home } from '../../e2e/home.ts';
import { selfSigned } from '../server/certificate.ts';

let home: Home;
beforeAll(async () => {
  home = createHome(false, 'onepassword-connect');
  home.write(
    'flows/key.yaml',
    'description: a key\nsteps: [{ id: key, uses: vault/read, with: { reference: op://Agents/API/key } }]\n',
  );
  home.write('flows/service.yaml', 'default-environment: development\nenvironments: { development: {} }\n');
  home.write('flows/policy.yaml', 'agents: { codex: { flows: [key] } }\n');
  await home.stack();
});
afterAll(() => home.close());

const quiet = { log: createLogger('silent'), onProblems: () => undefined, warn: () => undefined };
const request = { method: 'GET', path: operatorPaths.overview } as const;

async function open(): Promise<App> {
  return openApp({ dir: join(home.work, 'flows'), taken: takeEnvironment({}), variables: home.env });
}

describe('the command asks the broker of its folder as the operator', () => {
  it.each(['tcp', 'socket'])('over %s', async (way) => {
    const app = await open();
    const run = join(home.path, 'run');
    mkdirSync(run, { recursive: true, mode: 0o700 });
    const listen = way === 'tcp' ? { port: 0 } : { socket: join(run, 'broker.sock') };
    const service = await serve({ app, listen, ...quiet, variables: home.env });
    try {
      expect(await askBroker(app, request)).toMatchObject({ environment: 'development', checks: { policy: true } });
      await expect(askBroker(app, { ...request, path: '/v1/operator/nothing' })).rejects.toMatchObject({
        code: 'not-found',
      });
    } finally {
      await service.close();
      await app.close();
    }
  });

  it('over TLS, whatever name the certificate is for, and nobody else’s certificate', async () => {
    const [made, another] = [selfSigned('broker.example'), selfSigned('broker.example')];
    for (const [name, { certificate, key }] of [
      ['a', made],
      ['b', another],
    ] as const) {
      home.write(`flows/${name}.pem`, certificate);
      home.write(`flows/${name}.key`, key);
      chmodSync(join(home.work, `flows/${name}.key`), 0o600);
    }
    const app = await open();
    const environment = app.environment();
    const tlsOf = (name: string) => {
      const [certificate, key] = ['pem', 'key'].map((end) => join(home.work, `flows/${name}.${end}`)) as [
        string,
        string,
      ];
      const server = { ...environment.server, tls: { certificate, key } };
      return { ...app, environment: () => ({ ...environment, server }) };
    };
    const service = await serve({ app: tlsOf('a'), listen: { port: 0 }, ...quiet, variables: home.env });
    try {
      expect(await askBroker(tlsOf('a'), request)).toMatchObject({ environment: 'development' });
      await expect(askBroker(tlsOf('b'), request)).rejects.toMatchObject({ code: 'refused' });
    } finally {
      await service.close();
      await app.close();
    }
  });

  it('says so where none runs', async () => {
    const app = await open();
    await expect(askBroker(app, request)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('no broker runs for'),
    });
    await app.close();
  });
});
