import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openFolder } from '../../../src/app/open-folder.ts';
import { watchPolicy } from '../../../src/broker/policy/rules-in-force.ts';
import { folderWith } from '../../folder/folder.ts';

/** characters that a file may have */
const most = 65_536;

/** As many lines as a file may have. */
function largest(head: string, line: (index: number) => string): string {
  let text = head;
  for (let index = 0; text.length + line(index).length <= most; index += 1) text += line(index);
  return text;
}

const environment = (name: string) => `  ${name}:
    vars: { vault: Agents, prefix: ${name} }
    vault: [{ type: onepassword, vaults: [Agents], token: { file: /run/token } }]
    issuers: { main: { url: https://${name}.example/ } }
`;
const environments = ['staging', 'production', 'disaster'].map(environment).join('');
const service = `environments:\n  development: {}\n${environments}`;
const registry = largest('secrets:\n', (index) => `  s${index}: { reference: 'op://\${{ vars.vault }}/i/f' }\n`);
const names = (wildcard: string) => (index: number) =>
  `${index % 1000 === 0 ? `  a${index}:\n    allow:\n` : ''}    - s${index % 900}${wildcard}\n`;
const steps = Array.from({ length: 200 }, (_, index) => {
  return `  - { id: s${index}, uses: vault/read, with: { reference: 'op://\${{ vars.vault }}/item/field' } }\n`;
});

const files: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a policy of many agents': {
    'registry.yaml': registry,
    'policy.yaml': largest('agents:\n', (index) => `  a${index}:\n    allow: [s${index % 900}]\n    max-ttl: 15m\n`),
  },
  'agents of many names': { 'registry.yaml': registry, 'policy.yaml': largest('agents:\n', names('')) },
  'agents of many wildcards': { 'registry.yaml': registry, 'policy.yaml': largest('agents:\n', names('*')) },
  'a flow of many steps': { 'large.yaml': `description: large\nsteps:\n${steps.join('')}` },
  'a service.yaml': { 'service.yaml': largest(service, (index) => environment(`e${index}`)) },
  'what is wrong in each line': {
    'policy.yaml': largest('agents:\n', (index) => `  a${index}: { allow: none, rate: often }\n`),
  },
};

const small = {
  'service.yaml': service,
  'registry.yaml': 'secrets:\n  s0: { reference: op://Agents/b/c }\n',
  'policy.yaml': 'agents:\n  codex:\n    allow: [s0]\n',
};

/** Milliseconds of this thread's own work in the longest turn of the event loop, whatever else the machine does. */
async function longestTurnOf(work: Promise<void>): Promise<number> {
  const cpu = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  const state = { going: true };
  void work.finally(() => (state.going = false));
  let longest = 0;
  for (let before = cpu(); state.going;) {
    await setImmediate();
    const now = cpu();
    longest = Math.max(longest, now - before);
    before = now;
  }
  return longest;
}

describe('whoever is served does not wait for the files to be read', () => {
  it.each(Object.entries(files))('%s, as large as is taken', async (what, changed) => {
    const dir = folderWith(small);
    const write = (texts: Readonly<Record<string, string>>) => {
      for (const [name, text] of Object.entries(texts)) writeFileSync(join(dir, name), text);
    };
    const watched = watchPolicy(await openFolder(dir, {}), {
      dir,
      load: (read) => openFolder(dir, {}, undefined, read),
      poll: 3_600_000,
      settle: 3_600_000,
      hold: 0,
    });
    try {
      const turns: number[] = [];
      // again, since much of a first time is the compiling of our own code, and any time may have a collection of garbage
      for (let round = 0; round < 2 || (round < 6 && Math.min(...turns) >= 20); round += 1) {
        write(small);
        await watched.reload();
        const { version } = watched.current();
        write(changed);
        turns.push(await longestTurnOf(watched.reload()));
        // all of it was read
        expect(watched.problems().length > 0).toBe(what.includes('wrong'));
        expect(watched.current().version !== version).toBe('policy.yaml' in changed && !what.includes('wrong'));
      }
      expect(Math.min(...turns)).toBeLessThan(20);
    } finally {
      watched.close();
    }
  });
});
