import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { command, createHome, repository } from '../../e2e/home.ts';

// no stack runs here: whatever ends with 0 or 2 has contacted nothing, for that would end with 69
const home = createHome();
afterAll(() => home.close());

cpSync(join(home.work, 'flows'), join(home.work, 'broken'), { recursive: true });
home.write('broken/orders-token.yaml', 'description: x\nsteps:\n  - id: token\n    uses: oauth/client-credential\n');
home.write(
  'broken/seed-runtime.yaml',
  'description: x\nsteps:\n  - id: a\n    uses: vault/read\n    with: { refrence: op://A/B/c }\n',
);
home.write(
  'elsewhere/only.yaml',
  'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/B/c } }]\n',
);

type Row = readonly [args: string, code: number, stdout: RegExp, stderr: RegExp];
const nothing = /^$/;
const rows: readonly Row[] = [
  [
    '',
    0,
    /^break-glass +reads .*\nbreak-glass-close +writes .*\nbreak-glass-drill +reads (?:.*\n){3}create-order +writes .*\nnew-user +writes /,
    nothing,
  ],
  ['--json', 0, /^\[\{"name":"break-glass",.*"effect":"none"\}.*\]\n$/, nothing],
  ['--dir broken', 0, /^break-glass /, /^warning: 2 files have problems: .*\n$/],
  ['--dir elsewhere', 0, /^only +reads/, nothing],
  ['version', 0, /^\d+\.\d+\.\d+\n$/, nothing],
  ['--version', 0, /^\d+\.\d+\.\d+\n$/, nothing],
  ['help', 0, /flows read op:.*\n[^]*--environment NAME/, nothing],
  ['--help', 0, /flows read op:/, nothing],
  ['-h', 0, /flows read op:/, nothing],
  ['help new-user', 0, /--email VALUE .*required\n[^]*--yes/, nothing],
  ['help check', 0, /^ {2}flows check [^]*flows check --setup[^]*--environment NAME/, nothing],
  ['check --help', 0, /^ {2}flows check [^]*flows check --setup/, nothing],
  ['init --help', 0, /^ {2}flows init \[FOLDER\]/, nothing],
  ['dev --help', 0, /^ {2}flows dev .*--once/, nothing],
  ['serve -h', 0, /^ {2}flows serve .*--socket/, nothing],
  ['agents revoke codex --help', 0, /^ {2}flows agents /, nothing],
  ['audit verify --help', 0, /^ {2}flows audit /, nothing],
  ['read op://A/B/c --help', 0, /^ {2}flows read .*--no-newline/, nothing],
  ['run --help', 0, /^ {2}flows run NAME/, nothing],
  ['run new-user --help', 0, /--email VALUE .*required/, nothing],
  ['new-user --help', 0, /--email VALUE .*required\n[^]*--yes/, nothing],
  ['new-user -h', 0, /--given-name VALUE .*default: New/, nothing],
  ['orders-token --help', 0, /^(?![^]*--yes)[^]*--header/, nothing],
  ['break-glass --help', 0, /^(?![^]*--header)[^]*--reveal/, nothing],
  ['seed-runtime --help', 0, /--overwrite[^]*--adopt[^]*--strict/, nothing],
  ['check --help', 0, /options of its own:[^]*--online[^]*--setup[^]*options:/, nothing],
  ['audit --help', 0, /verify: [^]*--anchor/, nothing],
  ['check', 0, /^12 flows in 2 environments: no problems\n$/, nothing],
  ['check --json', 0, /^\{"flows":\[.*"problems":\[\]\}\n$/, nothing],
  ['orders-token --plan', 0, /^orders-token: nothing would change/, nothing],
  ['orders-token --plan --detailed-exitcode', 0, /nothing would change/, nothing],
  // one line with the nearest name
  ['chekc', 2, nothing, /^error: unknown command or flow "chekc" \(did you mean "check"\?\)\n$/],
  ['orders-tokn', 2, nothing, /^error: .*"orders-token"\?\)\n$/],
  ['run ordres-token', 2, nothing, /^error: .*"orders-token"\?\)\n$/],
  ['help orders-tokn', 2, nothing, /^error: .*"orders-token"\?\)\n$/],
  ['orders-token --jsn', 2, nothing, /^error: unknown option --jsn \(did you mean --json\?\)\n$/],
  ['new-user --emial a@example.com', 2, nothing, /^error: .*--email\?\)\n$/],
  ['check --onl', 2, nothing, /^error: .*--online\?\)\n$/],
  ['orders-token -e production', 2, nothing, /^error: unknown option -e \(did you mean --environment\?\)\n$/],
  ['orders-token --prod', 2, nothing, /^error: unknown option --prod \(write --environment prod\)\n$/],
  ['orders', 2, nothing, /^error: .*"orders-token"\?\)\n$/],
  ['check --setup --json', 2, nothing, /^error: .*--setup.*\n$/],
  ['check --onlin', 2, nothing, /^error: .*--online\?\)\n$/],
  ['--dri flows orders-token', 2, nothing, /^error: unknown option --dri \(did you mean --dir\?\)\n$/],
  ['run --email a@example.com new-user', 2, nothing, /^error: unknown option --email .*\n$/],
  ['orders-token --environment produktion', 2, nothing, /^error: .*"production"\?\)\n$/],
  ['check --setup --environment produktion', 2, nothing, /^error: .*"production"\?\)\n$/],
  ['check --environment produktion', 2, nothing, /^error: .*"production"\?\)\n$/],
  ['policy test --environment staging', 2, nothing, /^error: unknown environment "staging".*\n$/],
  ['dev --once --environment staging', 2, nothing, /^error: unknown environment "staging".*\n$/],
  ['--environment staging', 2, nothing, /^error: unknown environment "staging".*\n$/],
  ['--dir nowhere', 2, nothing, /^error: there is no folder "nowhere" .*\n$/],
  ['orders-token --dir', 2, nothing, /^error: .*--dir.*\n$/],
  ['orders-token --json=perhaps', 2, nothing, /^error: .*--json.*\n$/],
  ['orders-token --json --json', 2, nothing, /^error: .*twice.*\n$/],
  ['orders-token extra', 2, nothing, /^error: unexpected word "extra" .*\n$/],
  ['check extra', 2, nothing, /^error: unexpected word "extra" .*\n$/],
  ['version extra', 2, nothing, /^error: unexpected word "extra" .*\n$/],
  ['help orders-token extra', 2, nothing, /^error: unexpected word "extra" .*\n$/],
  ['run', 2, nothing, /^error: no flow is named .*\n$/],
  ['read', 2, nothing, /^error: one reference .*\n$/],
  ['read nonsense', 2, nothing, /^error: .*op:\/\/vault\/item\/field.*\n$/],
  ['read op://vault/item', 2, nothing, /^error: .*\n$/],
  ['orders-token --detailed-exitcode', 2, nothing, /^error: .*--plan.*\n$/],
  ['orders-token --header --json', 2, nothing, /^error: .*\n$/],
  ['break-glass --header', 2, nothing, /^error: .*not a token.*\n$/],
  ['new-user --plan', 2, nothing, /^error: flow "new-user": input "email" is missing \(add --email VALUE\)\n$/],
  ['new-user --email nope --plan', 2, nothing, /^error: .*"email".*\n$/],
  // it writes, and nobody can be asked
  ['seed-runtime', 2, nothing, /^error: flow "seed-runtime": .*--yes.*--plan.*\n$/],
  ['new-user --email ada@example.com --json', 2, nothing, /^error: flow "new-user": .*--yes.*\n$/],
  // all problems in one go, where they are
  [
    'check --dir broken',
    2,
    nothing,
    /^broken\/orders-token\.yaml:4:11: .*"oauth\/client-credentials".*\n[^]*\^\n[^]*broken\/seed-runtime\.yaml:5:13: .*"reference".*\n[^]*\n?error: \d+ problems in 2 files\n$/,
  ],
  [
    'check --json --dir broken',
    2,
    /^\{.*"problems":\[\{"file":"broken\/orders-token.yaml","line":4,"column":11,.*\}\n$/,
    /error: /,
  ],
  ['orders-token --dir broken', 2, nothing, /^broken\/orders-token\.yaml:4:11: /],
  ['check --online --dir broken', 2, nothing, /^broken\//],
  // the stack is not there
  ['orders-token', 69, nothing, /^error: the development stack is not running \(start it with `flows dev`.*\n$/],
  ['orders-token --dir broken/../flows', 69, nothing, /--dir broken\/\.\.\/flows/],
  ['seed-runtime --yes', 69, nothing, /^error: .*\n$/],
  ['seed-runtime --plan --json', 69, nothing, /^error: .*\n$/],
  ['check --online', 69, nothing, /^error: .*\n$/],
  ['read op://Agents/OpenAI/credential', 69, nothing, /^error: .*\n$/],
];

describe.concurrent('without anything running', () => {
  test.for(rows)('flows %s', async ([args, code, stdout, stderr]) => {
    const ended = await home.flows(args === '' ? [] : args.split(' '));
    expect(ended.stdout).toMatch(stdout);
    expect(ended.stderr).toMatch(stderr);
    expect(ended.code).toBe(code);
  });

  test('no folder, no words', async () => {
    const ended = await home.flows([], { cwd: home.path });
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toContain('flows init');
  });

  test('on GitHub the problems are annotations too', async () => {
    const ended = await home.flows(['check', '--dir', 'broken'], { env: { GITHUB_ACTIONS: 'true' } });
    expect(ended.code).toBe(2);
    expect(ended.stdout.split('\n')[0]).toMatch(
      /^::error file=broken\/orders-token\.yaml,line=4,col=11,title=flows check::/,
    );
    const json = await home.flows(['check', '--json', '--dir', 'broken'], { env: { GITHUB_ACTIONS: 'true' } });
    expect(JSON.parse(json.stdout)).toHaveProperty('problems');
    const workspace = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: home.work };
    const below = await home.flows(['check', '--dir', '.'], { env: workspace, cwd: join(home.work, 'broken') });
    expect(below.stdout).toMatch(/^::error file=broken\/orders-token\.yaml,/);
    home.write('wrong-cases.yaml', 'cases:\n  - { agent: codex, flow: orders-token, expect: denied }\n');
    const cases = await home.flows(['policy', 'test', 'wrong-cases.yaml'], { env: workspace });
    expect([cases.code, cases.stdout]).toEqual([
      4,
      expect.stringMatching(/^::error file=wrong-cases\.yaml,line=2,col=49,title=flows policy test::/),
    ]);
  });

  test('no colour where FORCE_COLOR says so', async () => {
    const escape = '\u001b[';
    for (const FORCE_COLOR of ['0', 'false']) {
      expect((await home.flows(['chekc'], { env: { FORCE_COLOR } })).stderr).not.toContain(escape);
    }
    expect((await home.flows(['chekc'], { env: { FORCE_COLOR: '1' } })).stderr).toContain(escape);
  });

  test.runIf(existsSync('/dev/full'))('an answer that nobody reads, or that has no room', async () => {
    const run = async (line: string) => {
      const words = `'${process.execPath}' --no-warnings '${command}'`;
      return home.start([], { program: ['bash', '-c', line.replace('flows', words)] }).ended;
    };
    expect(await run('flows check --dir broken --json | true; exit ${PIPESTATUS[0]}')).toMatchObject({ code: 2 });
    const full = await run('flows help > /dev/full');
    expect([full.code, full.stderr]).toEqual([
      69,
      expect.stringMatching(/^error: the answer cannot be written: ENOSPC \(.*\)\n$/),
    ]);
  });

  test('an environment of the process is chosen like the option', async () => {
    const wrong = await home.flows(['orders-token'], { env: { FLOWS_ENVIRONMENT: 'staging' } });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('"staging"')]);
    const other = await home.flows(['orders-token'], { env: { FLOWS_ENVIRONMENT: 'production' } });
    expect([other.code, other.stderr]).toEqual([
      77,
      expect.stringMatching(/^error: .*\/run\/credentials\/agents.*\n$/),
    ]);
    const empty = await home.flows(['orders-token'], { env: { FLOWS_ENVIRONMENT: '' } });
    expect(empty.code).toBe(69);
  });

  test('a reader that goes away early is no error', async () => {
    const script = '"$@" 2>err | head -1; echo "${PIPESTATUS[0]}"';
    const command = [process.execPath, '--no-warnings', join(repository, 'src/cli.ts'), 'check', '--setup'];
    const { ended } = home.start([], { program: ['bash', '-c', script, 'bash', ...command] });
    expect((await ended).stdout).toBe('# environment development\n0\n');
    expect(readFileSync(join(home.work, 'err'), 'utf8')).toBe('');
  });

  test('init writes one flow in one environment, and what the README says of them fits', async () => {
    const ended = await home.flows(['init', 'small']);
    const files = ['orders-token.yaml', 'policy.yaml', 'service.yaml'];
    expect([ended.code, ended.stdout]).toEqual([0, files.map((name) => `small/${name}\n`).join('')]);
    expect(readdirSync(join(home.work, 'small')).toSorted()).toEqual(['.schema', 'README.md', ...files]);
    const checked = await home.flows(['check', '--dir', 'small']);
    expect([checked.code, checked.stdout]).toEqual([0, '1 flow in 1 environment: no problems\n']);
    const policy = readFileSync(join(home.work, 'small/policy.yaml'), 'utf8');
    expect(policy.indexOf('deny: [')).toBeLessThan(policy.indexOf('allow:'));
    const shown = /^ *```yaml\n( *environments:\n[^]*?)^ *```/m.exec(
      readFileSync(join(repository, 'README.md'), 'utf8'),
    );
    home.write('small/service.yaml', (shown?.[1] ?? '').replace(/^ {3}/gm, ''));
    const own = await home.flows(['check', '--dir', 'small']);
    expect([own.code, own.stdout]).toEqual([0, '1 flow in 2 environments: no problems\n']);
    expect((await home.flows(['check', '--setup', '--environment', 'production', '--dir', 'small'])).code).toBe(0);
  });

  test('init writes a folder that checks, and never over another', async () => {
    const ended = await home.flows(['init', '--samples', 'made/here']);
    expect([ended.code, ended.stdout.split('\n').length]).toEqual([0, 18]);
    expect(readdirSync(join(home.work, 'made/here')).toSorted()).toEqual(
      readdirSync(join(repository, 'flows')).toSorted(),
    );
    expect((await home.flows(['check', '--dir', 'made/here'])).code).toBe(0);
    expect((await home.flows(['init', '--help'])).stdout).toMatch(/^ {2}--samples {2}\S/m);
    home.write('taken/mine.txt', 'mine');
    const refused = await home.flows(['init', 'taken']);
    expect([refused.code, refused.stdout]).toEqual([2, '']);
    expect(readdirSync(join(home.work, 'taken'))).toEqual(['mine.txt']);
    home.write('file', 'mine');
    const file = await home.flows(['init', 'file']);
    expect([file.code, file.stderr.split('\n').length]).toEqual([2, 2]);
    expect(readFileSync(join(home.work, 'file'), 'utf8')).toBe('mine');
    for (const folder of ['file/below', '/proc/flows']) {
      const { code, stderr } = await home.flows(['init', folder]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`makes no folder "${folder}" (E`)]);
    }
  });

  test('colour only where it is wanted', async () => {
    const escape = '\u001b[';
    const shown = async (words: readonly string[], env: Record<string, string>) =>
      (await home.flows(['nosuch', ...words], { env })).stderr.includes(escape);
    expect(await shown([], {})).toBe(false);
    expect(await shown([], { FORCE_COLOR: '1' })).toBe(true);
    expect(await shown([], { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false);
    expect(await shown(['--color'], { NO_COLOR: '1' })).toBe(true);
    expect(await shown(['--no-color'], { FORCE_COLOR: '1' })).toBe(false);
  });
});

/** Files that are wrong, each with where its first problem is. */
const head = 'description: x\n';
const one = (rest: string) => `${head}steps:\n  - id: a\n    ${rest}\n`;
const login = (title: string) =>
  `uses: vault/create-login\n    with: { vault: Team, title: '${title}', username: x, password: { length: 20 } }`;
const wrongFiles: Readonly<Record<string, readonly [text: string, place: string]>> = {
  'unknown-key': [`${head}step: []\n`, '2:1'],
  'unknown-kind': [one('uses: vault/raed\n    with: {}'), '4:11'],
  'unknown-path': [`${one('uses: vault/read\n    with: { reference: op://A/B/c }')}output: \${{ steps.b }}\n`, '6:9'],
  'unknown-connection': [
    one('uses: secrets-manager/push\n    with: { store: "${{ stroes.aws }}", secrets: [] }'),
    '5:21',
  ],
  'unknown-input': [
    `${one('uses: vault/read\n    with: { reference: op://A/B/c }')}output: \${{ inputs.emial }}\n`,
    '6:9',
  ],
  'wrong-type': [one('uses: totp/code\n    with: { reference: op://A/B/c, at-least: soon }'), '5:46'],
  'two-ids': [
    `${one('uses: vault/read\n    with: { reference: op://A/B/c }')}  - id: a\n    uses: vault/read\n    with: { reference: op://A/B/c }\n`,
    '6:9',
  ],
  'no-reference': [one('uses: vault/read\n    with: { reference: A/B/c }'), '5:24'],
  cycle: [
    `${head}steps:\n  - id: a\n    uses: totp/code\n    with: { reference: "\${{ steps.b }}" }\n  - id: b\n    uses: totp/code\n    with: { reference: "\${{ steps.a }}" }\n`,
    '5:25',
  ],
  check: [one('uses: vault/read\n    with: { reference: op://A/B/c }'), '1:1'],
  bomb: [
    `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghij'.replace(/./g, (name) => {
      const former = String.fromCodePoint((name.codePointAt(0) ?? 0) - 1);
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${former}`).join(', ')}]\n`;
    })}`,
    '1:4',
  ],
  huge: [`${head}steps: []\n# ${'x'.repeat(5 * 1024 * 1024)}\n`, '1:1'],
  'duplicate-keys': [`${head}${head}steps: []\n`, '2:1'],
  'not-yaml': [`${head}steps: [\n`, '3:1'],
  'secret-in-name': [
    `${head}steps:\n  - id: s\n    uses: vault/read\n    with: { reference: op://A/B/c }\n  - id: a\n    ${login('${{ steps.s.value }}')}\n`,
    '8:34',
  ],
  'free-text-in-reference': [
    `${head}inputs: { item: { type: string } }\nsteps:\n  - id: a\n    uses: vault/read\n    with: { reference: 'op://A/\${{ inputs.item }}/c' }\n`,
    '6:32',
  ],
};

test('every file that is wrong, in one go, at its place; nothing was contacted, nothing hangs', async () => {
  for (const [name, [text]] of Object.entries(wrongFiles)) home.write(`wrong/${name}.yaml`, text);
  const started = performance.now();
  const [ended, json] = await Promise.all([
    home.flows(['check', '--dir', 'wrong']),
    home.flows(['check', '--dir', 'wrong', '--json']),
  ]);
  expect(performance.now() - started).toBeLessThan(20_000);
  expect([ended.code, ended.stdout]).toEqual([2, '']);
  expect(ended.stderr).not.toMatch(/^\s+at /m);
  expect(ended.stderr.length).toBeLessThan(20_000);
  const { problems } = JSON.parse(json.stdout) as { problems: { file: string; line: number; column: number }[] };
  const places = Object.keys(wrongFiles).map((name) => {
    const found = problems.filter(({ file }) => file === `wrong/${name}.yaml`);
    return [name, found.map(({ line, column }) => `${line}:${column}`)] as const;
  });
  expect(places.filter(([name, found]) => !found.includes(wrongFiles[name]?.[1] ?? ''))).toEqual([]);
  for (const { file, line, column } of problems) expect(ended.stderr).toContain(`${file}:${line}:${column}: `);
});

test('a place that the system closes is told as that', async () => {
  // to root no folder is closed; one that leads to itself is to everybody
  const round = join(home.path, 'round');
  symlinkSync('round', round);
  const trouble = (path: string) => `error: "${path}" cannot be used: its links lead in a circle (name another path)\n`;
  const token = await home.flows(['read', 'openai.api_key'], { env: { FLOWS_AGENT_TOKEN_FILE: round } });
  expect(token).toMatchObject({ code: 69, stderr: trouble(round) });
  const state = await home.flows(['agents', 'list'], { env: { XDG_STATE_HOME: round } });
  expect(state).toMatchObject({ code: 69, stderr: expect.stringContaining(`error: "${round}/auth-chain/`) });
});

test('what production needs, to paste', async () => {
  const ended = await home.flows(['check', '--setup']);
  expect([ended.code, ended.stderr]).toEqual([0, '']);
  await expect(ended.stdout).toMatchFileSnapshot('golden/setup.txt');
  const one = await home.flows(['check', '--setup', '--environment', 'production']);
  expect(ended.stdout.endsWith(one.stdout)).toBe(true);
  expect(one.stdout).toMatch(/^# environment production\n/);
});

test('what the token of an identity provider must be allowed stands there too', async () => {
  home.write(
    'directory/service.yaml',
    `environments:
  production:
    vault: { type: onepassword, token: { env: TOKEN } }
    identity-providers: { staff: { type: entra, token: op://A/Graph/token } }
`,
  );
  home.write(
    'directory/x.yaml',
    'description: x\nsteps: [{ id: a, uses: vault/read, with: { reference: op://A/I/f } }]\n',
  );
  const { code, stdout } = await home.flows(['check', '--setup', '--dir', 'directory']);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/\n# identity provider staff: [^\n]*\nUser\.ReadWrite\.All /),
  ]);
});

test('an item is proposed as people would file it', async () => {
  home.write(
    'items/service.yaml',
    'environments:\n  production:\n    vault: { type: onepassword, token: { env: TOKEN } }\n    key: op://A/Root/v1.key\n',
  );
  const steps = [
    'uses: totp/code, with: { reference: op://A/Codes/admin code }',
    'uses: vault/set-one-time-password, with: { item: op://A/Shared }',
    'uses: vault/read, with: { reference: op://A/Deploy/private key?ssh-format=openssh }',
    'uses: vault/read, with: { reference: op://A/Service/Client ID }',
    'uses: vault/read, with: { reference: op://A/Service/db.main/pass=word }',
    'uses: vault/read, with: { reference: "op://A/It\'s/Password" }',
    'uses: vault/read, with: { reference: op://A/Codes/username }',
    'uses: vault/read, with: { reference: op://A/Codes/recovery?attribute=otp }',
  ];
  home.write(
    'items/x.yaml',
    `description: x\nsteps:\n${steps.map((step, index) => `  - { id: s${index}, ${step} }\n`).join('')}`,
  );
  const { code, stdout } = await home.flows(['check', '--setup', '--dir', 'items', '--environment', 'production']);
  expect(code).toBe(0);
  expect(stdout.slice(stdout.indexOf('# items')).split('\n').slice(1, -2)).toEqual([
    'op item create --category Login --vault A --title Codes username=',
    '# then add to it in the app: admin code',
    '# then add to it in the app: recovery',
    'op item create --category Login --vault A --title Shared',
    "op item create --category 'SSH Key' --vault A --title Deploy",
    String.raw`op item create --category 'API Credential' --vault A --title Service 'Client ID[text]=' 'db\.main.pass\=word[password]='`,
    String.raw`op item create --category Login --vault A --title 'It'\''s' password=`,
    String.raw`op item create --category 'API Credential' --vault A --title Root 'v1\.key[password]='`,
  ]);
});

test('nothing was written but what was asked for', () => {
  expect(existsSync(join(home.env['HOME'] ?? '', '.local'))).toBe(false);
  for (const folder of ['home', 'cache', 'config', 'tmp']) expect(readdirSync(join(home.path, folder))).toEqual([]);
});
