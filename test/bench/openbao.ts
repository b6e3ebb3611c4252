import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHome, repository } from '../e2e/home.ts';
import { baoProgram, startOpenBao } from '../peers/openbao.ts';
import { load, pinned, requestFor, start, stop } from './measured-servers.ts';
import { inTurn, row, type Row } from './row.ts';

const path = '/v1/secret/data/github.token';
/** requests a second, where both are well below what they can do */
const common = 1_000;

/**
 * `vault kv get` of one value: from the broker, which has it in memory, against OpenBao's own KV in memory with its file
 * audit device and a token without its default policy, which costs half of what it can do. Each is a process on one
 * processor, asked in turn by the same load generator on another. Nothing where OpenBao's program cannot be had.
 */
export async function bench({ short }: { readonly short: boolean }): Promise<Row[]> {
  const isThere = await baoProgram().then(
    () => true,
    () => false,
  );
  if (!isThere) {
    process.stderr.write('openbao: its program cannot be had, so that nothing is measured\n');
    return [];
  }
  const home = createHome();
  const openBao = await startOpenBao({ audit: join(home.path, 'openbao-audit'), started: (all) => pinned(0, all) });
  try {
    home.write('flows/policy.yaml', 'agents:\n  bench:\n    allow: [github.token]\n');
    const service = readFileSync(join(home.work, 'flows/service.yaml'), 'utf8');
    home.write(
      'flows/service.yaml',
      service.replace(/^  development:$/m, (line) => `${line}\n    server: { vault-api: {} }`),
    );
    await home.stack();
    const { stdout: bearer } = await home.flows(['agents', 'add', 'bench']);
    const broker = await start(home, [process.execPath, join(repository, 'dist/cli.js'), 'serve', '--port', '0']);
    const given = await answerOf(broker.port, bearer.trim());
    await openBao.ask('POST', 'secret/data/github.token', { data: given });
    const policy = `path "secret/data/github.token" { capabilities = ["read"] }`;
    await openBao.ask('POST', 'sys/policies/acl/bench', { policy });
    const asked = { policies: ['bench'], no_default_policy: true };
    const { auth } = (await openBao.ask('POST', 'auth/token/create', asked)) as { auth: { client_token: string } };
    const theirs = Number(new URL(openBao.url).port);
    if ((await answerOf(theirs, auth.client_token))['value'] !== given['value'])
      throw new Error('OpenBao gives something else');

    const seen = (port: number, token: string) => (what: 'rate' | 'p99') => async () => {
      const one = await load({
        host: '127.0.0.1',
        port,
        // either takes a bearer
        request: requestFor({ method: 'GET', path, body: '' }, port, token),
        connections: 32,
        warm: short ? 500 : 2_000,
        duration: short ? 1_000 : 8_000,
        rate: what === 'rate' ? undefined : common,
      });
      if (one.other > 0) throw new Error(`${one.other} answers of port ${port} were not 200`);
      return one[what];
    };
    const [ours, of] = [seen(broker.port, bearer.trim()), seen(theirs, auth.client_token)];
    const rounds = short ? 1 : 3;
    const rates = await inTurn(rounds, { broker: ours('rate'), openBao: of('rate') });
    const delays = await inTurn(rounds, { broker: ours('p99'), openBao: of('p99') });
    await stop(broker);
    const name = 'KV as Vault gives it, from memory';
    return [
      row({
        name: `${name}, 32 connections, against OpenBao with its audit file`,
        value: rates.of('broker'),
        unit: 'answers/s',
        against: rates.of('openBao'),
        ratio: rates.ratio('broker', 'openBao'),
        goal: { atLeast: 1 },
      }),
      row({
        name: `${name} at ${common}/s, p99, against OpenBao with its audit file`,
        value: delays.of('broker'),
        unit: 'ms',
        against: delays.of('openBao'),
        ratio: delays.ratio('broker', 'openBao'),
        goal: { atMost: 1 },
      }),
    ];
  } finally {
    await openBao.close();
    await home.close();
  }
}

async function answerOf(port: number, token: string): Promise<Record<string, string>> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-vault-token': token } });
  if (response.status !== 200) throw new Error(`port ${port} answered ${response.status}`);
  return ((await response.json()) as { data: { data: Record<string, string> } }).data.data;
}
