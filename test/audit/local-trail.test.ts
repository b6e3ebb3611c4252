import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { keyIdOf } from '../../src/audit/hmac-chain.ts';
import { type LocalEvent, recordLocally } from '../../src/audit/local-trail.ts';
import { keyIdIn, trailsOf } from '../../src/audit/find-trails.ts';
import { brokerTrail, localTrail } from '../../src/audit/trail-files.ts';
import { toSyslog } from '../../src/audit/syslog.ts';
import { verifyTrail } from '../../src/audit/verify-trail.ts';
import { parts } from '../../src/app/parts.ts';
import { blankEnvironment } from '../../src/folder/service/read-environment.ts';
import { folder, key, linesOf } from './arrange.ts';
import { python } from '../programs.ts';

const environment = blankEnvironment('production', false, parts.adapters);
const event: LocalEvent = { action: 'local.run', what: ['orders-token'], outcome: 'allowed', request: 'r' };
const keys = () => Promise.resolve([key] as const);

describe('a user’s own trail', () => {
  test('takes commands that run side by side', async () => {
    const stateFolder = folder();
    const options = { environment, stateFolder, keys, warn: () => undefined };
    await Promise.all(Array.from({ length: 20 }, () => recordLocally(event, options)));
    const file = localTrail(environment, stateFolder, key);
    expect(linesOf(file)).toHaveLength(20);
    expect(JSON.parse(linesOf(file)[0] ?? '')).toMatchObject({
      agent: `local:${userInfo().username}`,
      what: ['orders-token'],
    });
    expect(await verifyTrail([file], [key])).toMatchObject({ lines: 20, found: 0 });
  });

  test('is another without a key, and says so', async () => {
    const stateFolder = folder();
    await recordLocally(event, { environment, stateFolder, keys: undefined, warn: () => undefined });
    const file = localTrail(environment, stateFolder, undefined);
    expect(keyIdIn(file)).toBe('none');
    expect(await verifyTrail([file], [])).toMatchObject({ lines: 1, found: 0, keyed: false });
  });

  test('that cannot be written fails', async () => {
    const stateFolder = folder();
    writeFileSync(join(stateFolder, 'audit'), 'in its place');
    const options = { environment, stateFolder, keys, warn: () => undefined };
    await expect(recordLocally(event, options)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

test('the trails of an environment, and of no other', async () => {
  const stateFolder = folder();
  const audit = join(stateFolder, 'audit');
  mkdirSync(audit);
  const id = keyIdOf(key);
  const ours = [`broker-production.jsonl`, `local-ada@production-${id}.jsonl`, 'local-b-ob@production-none.jsonl'];
  const others = [
    `local-ada@eu-production-${id}.jsonl`,
    'broker-production-eu.jsonl',
    `local-ada@production-${id}.jsonl.lock`,
    'x',
  ];
  for (const name of [...ours, ...others, `${ours[0] ?? ''}.1`]) writeFileSync(join(audit, name), '');
  expect(trailsOf(environment, stateFolder)).toEqual(ours.map((name) => join(audit, name)));
  const declared = {
    ...environment,
    audit: { file: '/var/lib/x/audit.jsonl', anchor: undefined, flush: 'first' as const },
  };
  expect(trailsOf(declared, stateFolder)[0]).toBe('/var/lib/x/audit.jsonl');
  expect(brokerTrail(declared, stateFolder, key)).toBe('/var/lib/x/audit.jsonl');
  expect(brokerTrail(environment, stateFolder, key)).toBe(join(audit, 'broker-production.jsonl'));
  const laptop = blankEnvironment('development', true, parts.adapters);
  expect(brokerTrail(laptop, stateFolder, key)).toBe(join(audit, 'laptop', `broker-development-${id}.jsonl`));
});

describe('the system log', () => {
  // util-linux's logger takes another socket; what it sends there is what /dev/log gets
  test.runIf(process.platform === 'linux' && python)('gets the line as it is, from stdin', async () => {
    const socket = join(folder(), 'log');
    const listen = [
      'import socket, sys',
      's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
      's.bind(sys.argv[1])',
      'print("ready", flush=True)',
      'print(s.recv(65536).decode(), flush=True)',
    ].join('\n');
    const log = spawn('python3', ['-c', listen, socket]);
    try {
      const lines = createInterface(log.stdout);
      await once(lines, 'line');
      const heard = once(lines, 'line');
      const line = JSON.stringify({ agent: 'local:ada', what: ['break-glass', `op://a/${'b'.repeat(1500)}/c`] });
      expect(await toSyslog(line, ['--socket', socket])).toBe(true);
      const [text] = (await heard) as [string];
      expect(text).toContain(line);
      // auth.notice: facility 4, severity 5
      expect(text).toMatch(/^<37>.*auth-chain.*: /);
    } finally {
      log.kill();
    }
  });

  test('that is not there is told', async () => {
    expect(await toSyslog('x', ['--socket', '/nowhere/log'])).toBe(false);
  });
});
