import type { Agent, AgentOptions } from 'node:https';
import type { BlockList } from 'node:net';
import { fetchOver } from './agent-fetch.ts';
import { FlowError } from './errors.ts';
import { isLoopbackHost } from './safe-address.ts';
import { Secret } from './secret.ts';

// with it come sockets and streams: loaded by who looks at a host
const net = () => process.getBuiltinModule('node:net');
const isIP = (text: string) => net().isIP(text);

/** The part of `fetch` that is used; may be replaced, for a test. */
export interface Fetch {
  (url: string, init: RequestInit): Promise<Response>;
  /** the proxy that an address is reached by, as {@link Way} has it */
  readonly proxyOf?: Way['proxyOf'] | undefined;
}

/** A forward proxy; plain data but for its address, which may hold a password. */
export interface Proxy {
  readonly address: Secret;
  /** hosts that are reached without it, as `NO_PROXY` has them */
  readonly except: string;
}

/** By which way a process or an environment reaches others. Loopback is always reached directly. */
export interface Way {
  /** undefined: everything is reached directly */
  readonly proxy: Proxy | undefined;
  /** The proxy that an address is reached by, without its credentials; undefined: directly. */
  proxyOf(address: string | URL): string | undefined;
  readonly fetch: Fetch & ((request: Request, init: RequestInit) => Promise<Response>);
  /** A new one for a library that sends by itself, and destroys it when it ends; undefined: any agent will do. */
  agent(): Agent | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Both spellings as Node takes them: the lower-case one first, and one that is empty is none. */
const variable = (variables: Variables, name: string) => variables[name.toLowerCase()] || variables[name] || undefined;

/**
 * The proxy of a process: `HTTPS_PROXY`, else `HTTP_PROXY`, as Node's `fetch` takes them, without those of `NO_PROXY`.
 * @param own the address that service.yaml says, instead of the variables'
 */
export function proxyIn(variables: Variables, own?: string): Proxy | undefined {
  const address = own ?? variable(variables, 'HTTPS_PROXY') ?? variable(variables, 'HTTP_PROXY');
  if (address === undefined) return undefined;
  return { address: new Secret(address), except: variable(variables, 'NO_PROXY') ?? '' };
}

/** What is wrong with a proxy's address, without it; undefined: nothing. */
export function proxyProblem(address: string): string | undefined {
  const url = urlOf(address);
  // a parser takes / ? # and \ for the end of a host: what is left of a password stands behind it
  const behind = url === null ? address : url.pathname + url.search + url.hash;
  if (behind.includes('@')) return 'holds a sign before its @ that is written in percent, as %2F for /';
  if (url === null || url.hostname === '') return 'is no address';
  if (credentialsOf(url) === undefined) return 'holds a percent code before its @ that is no text in UTF-8';
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `is ${url.protocol}, and only http: and https: are served`;
  return undefined;
}

/** curl's habit: without a scheme it is http. */
const urlOf = (address: string) => URL.parse(address.includes('://') ? address : `http://${address}`);

/** As Node decodes them; a % that begins no code is one, as curl has it. undefined: they are no text */
function credentialsOf({
  username,
  password,
}: URL): { readonly username: string; readonly password: string } | undefined {
  const coded = (text: string) => text.replaceAll(/%(?![\da-f]{2})/gi, '%25');
  const found = { username: coded(username), password: coded(password) };
  try {
    decodeURIComponent(found.username + found.password);
    return found;
  } catch {
    return undefined;
  }
}

/** @throws FlowError invalid for a proxy that none is */
export function createWay(proxy: Proxy | undefined): Way {
  if (proxy === undefined) {
    return {
      proxy,
      proxyOf: () => undefined,
      fetch: async (input: string | Request, init: RequestInit) => fetch(input, init),
      agent: () => undefined,
    };
  }
  const problem = proxyProblem(proxy.address.reveal());
  const url = urlOf(proxy.address.reveal());
  if (problem !== undefined || url === null) {
    throw new FlowError('invalid', `the address of the proxy ${problem ?? 'is no address'}`, {
      hint: 'HTTPS_PROXY, or proxy: in service.yaml, is written like http://proxy.example:3128',
    });
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  // older ones take no notice of proxyEnv, and every request would go past the proxy without a word
  if (major === 24 && minor < 5) {
    throw new FlowError('invalid', `a proxy needs Node 24.5 or newer, and this is Node ${process.versions.node}`);
  }
  const { origin } = Object.assign(url, credentialsOf(url));
  const isException = exceptionsOf(proxy.except);
  const proxyOf = (address: string | URL): string | undefined => {
    const { hostname, port, protocol } = new URL(address);
    const host = plainHost(hostname);
    if (protocol !== 'https:' || staysHere(host)) return undefined;
    return isException(host, port === '' ? '443' : port) ? undefined : origin;
  };
  let agents: { readonly secure: Agent; readonly plain: import('node:http').Agent } | undefined;
  const made = () => (agents ??= { secure: proxyAgent(url.href, proxyOf), plain: plainAgent() });
  const send = async (input: string | Request, init: RequestInit) => {
    const { secure, plain } = made();
    const { protocol } = new URL(typeof input === 'string' ? input : input.url);
    return fetchOver(protocol === 'https:' ? secure : plain, input, init);
  };
  return { proxy, proxyOf, fetch: Object.assign(send, { proxyOf }), agent: () => proxyAgent(url.href, proxyOf) };
}

/** As hosts are compared: without an address's brackets and the dot that ends a whole name. */
const plainHost = (hostname: string): string => hostname.replace(/^\[(.*)\]$|\.$/, '$1');

/** This machine under any of its names: RFC 6761, section 6.3, has all of `.localhost`, and an IPv4 address may be mapped. */
function staysHere(host: string): boolean {
  return (
    isLoopbackHost(host) || host.endsWith('.localhost') || thisMachine().check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
  );
}

let ownAddresses: BlockList | undefined;
function thisMachine(): BlockList {
  if (ownAddresses === undefined) {
    ownAddresses = new (net().BlockList)();
    ownAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
  }
  return ownAddresses;
}

/** milliseconds: a proxy that takes a connection and says nothing is left, and so keeps no process alive */
const timeout = 10_000;

/** An agent goes by no proxy that it is not told of, whatever the environment says. */
const plainAgent = () => new (process.getBuiltinModule('node:http').Agent)({ keepAlive: true, scheduling: 'lifo' });

/** Node's own tunnel through a proxy, and our own decision where one is wanted. */
function proxyAgent(address: string, proxyOf: Way['proxyOf']): Agent {
  const { Agent: HttpsAgent } = process.getBuiltinModule('node:https');
  const kept: AgentOptions = { keepAlive: true, scheduling: 'lifo', timeout };
  const tunnels = new HttpsAgent({ ...kept, proxyEnv: { https_proxy: address } });
  const direct = new HttpsAgent(kept);
  const connect = direct.createConnection.bind(direct);
  direct.createConnection = (options, done) => {
    const host = options.host ?? 'localhost';
    const target = `https://${isIP(host) === 6 ? `[${host}]` : host}:${options.port ?? 443}`;
    return proxyOf(target) === undefined ? connect(options, done) : tunnels.createConnection(options, done);
  };
  return direct;
}

/**
 * `NO_PROXY` by the rules of Node's two implementations, where either lets a host be reached directly: names with all
 * that is below them, `*`, ports, ranges of addresses; and CIDR, which people write.
 */
function exceptionsOf(text: string): (host: string, port: string) => boolean {
  const addresses = new (net().BlockList)();
  const names: { readonly name: string; readonly port: string | undefined }[] = [];
  for (const written of text.toLowerCase().split(/[,\s]+/)) {
    const entry = written.replace(/^\[([^\]]*)\](?!:)/, '$1');
    const [, start = '', joint, end = ''] = /^([\da-f.:]+)([-/])([\da-f.:]+)$/.exec(entry) ?? [];
    const family = isIP(start);
    const type = family === 6 ? 'ipv6' : 'ipv4';
    if (family !== 0 && joint === '/' && /^\d{1,3}$/.test(end) && Number(end) <= (family === 6 ? 128 : 32)) {
      addresses.addSubnet(start, Number(end), type);
    } else if (family !== 0 && joint === '-' && isIP(end) === family && isAscending(start, end, type)) {
      addresses.addRange(start, end, type);
    } else if (entry !== '') {
      const [, named = '', port] = (isIP(entry) === 6 ? null : /^(.+):(\d+)$/.exec(entry)) ?? [undefined, entry];
      names.push({ name: asHost(named.replace(/^\*?\./, '')), port });
    }
  }
  return (host, port) => {
    const family = isIP(host);
    if (family !== 0 && addresses.check(host, family === 6 ? 'ipv6' : 'ipv4')) return true;
    return names.some(
      (each) =>
        (each.port ?? port) === port && (each.name === '*' || host === each.name || host.endsWith(`.${each.name}`)),
    );
  };
}

/** In the spelling that the URL parser gives a host: an address in its short form, a name in letters of ASCII. */
function asHost(name: string): string {
  const host = isIP(name) === 6 ? `[${name}]` : name;
  return plainHost(URL.parse(`https://${host}`)?.hostname ?? host);
}

/** A list takes no range that ends before it begins. */
function isAscending(start: string, end: string, type: 'ipv4' | 'ipv6'): boolean {
  try {
    new (net().BlockList)().addRange(start, end, type);
    return true;
  } catch {
    return false;
  }
}

/** A part of a message; none where it is reached directly. @param proxy as {@link Way.proxyOf} gives it */
export const byProxy = (proxy: string | undefined): string => (proxy === undefined ? '' : ` by the proxy ${proxy}`);

/** What to look at where something cannot be reached by one. */
export const proxyHint = 'the proxy: HTTPS_PROXY and NO_PROXY, or proxy: in service.yaml';

let known: { readonly by: string; readonly way: Way } | undefined;

/** The process's own way, as its environment says now. @throws FlowError invalid */
export function wayOfProcess(): Way {
  const proxy = proxyIn(process.env);
  const by = proxy === undefined ? '' : `${proxy.address.reveal()} ${proxy.except}`;
  if (known?.by !== by) known = { by, way: createWay(proxy) };
  return known.way;
}

/** The process's own way, as it is when it is called. */
export const globalFetch: Fetch = Object.assign<Fetch, Pick<Fetch, 'proxyOf'>>(
  async (url, init) => wayOfProcess().fetch(url, init),
  { proxyOf: (address) => wayOfProcess().proxyOf(address) },
);
