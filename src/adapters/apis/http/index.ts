import { isLoopbackHost } from '../../../foundation/safe-address.ts';
import { parseDuration } from '../../../foundation/duration.ts';
import { durationForm } from '../../../language/duration-form.ts';
import { form, optional, required, withDefault, type InputOf, type Keys } from '../../../language/forms.ts';
import { urlForm } from '../../../language/url.ts';
import { apiAdapter } from '../adapter.ts';
import type { ApiRules } from '../contract.ts';
import { pathForm } from '../path-template.ts';
import { neverReached, rangeOf } from './addresses.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

const keys = {
  url: required(urlForm, 'its origin: scheme, host and port, nothing more', { example: 'https://orders.example' }),
  methods: required(form.list(form.oneOf(...methods), { minimum: 1 }), 'what may be asked of it'),
  paths: required(
    form.list(pathForm, { minimum: 1 }),
    'where it may be asked: each path as flows write it, with a name in braces for a segment that they fill in',
    { example: "[/orders, '/orders/{id}']" },
  ),
  token: optional(form.oneOf('bearer'), 'the credential of a step is sent as `Authorization: Bearer`'),
  header: optional(
    form.text({ pattern: /^[A-Za-z][A-Za-z0-9-]{0,63}$/, expects: 'the name of a header' }),
    'instead: it is sent as this header, as it is',
    { example: 'X-Api-Key' },
  ),
  'idempotency-key': withDefault(
    form.boolean(),
    false,
    'it does once what comes twice with the same `Idempotency-Key`, so that a write may be repeated',
  ),
  private: optional(
    form.list(form.text()),
    'networks that its name may lead to besides public addresses; without it those alone. Loopback, link-local addresses and metadata services never count',
    { example: '[10.20.0.0/16]' },
  ),
  timeout: withDefault(durationForm, '30s', 'for a whole request, at most 2m'),
  'in-flight': withDefault(
    form.number({ integer: true, minimum: 1, maximum: 100 }),
    5,
    'requests at the same time; others wait for their turn',
  ),
} satisfies Keys;

type HttpApiSettings = InputOf<typeof keys>;

/** headers that say how a message travels, or whose it is otherwise */
const ownHeaders = new Set(
  `accept accept-encoding connection content-encoding content-length content-type cookie date expect forwarded host
  idempotency-key keep-alive proxy-authorization proxy-connection te trailer transfer-encoding upgrade user-agent via
  x-http-method-override`.split(/\s+/),
);
/** seconds */
const longest = 120;

/** On the laptop an API that no environment declares is taken too, as any connection is. */
const anything = {
  methods,
  paths: [],
  token: undefined,
  header: undefined,
  'idempotency-key': true,
  timeout: '30s',
  'in-flight': 5,
} as const;

/** An API over HTTPS that takes and gives JSON. */
export const http = apiAdapter<typeof keys>({
  type: 'http',
  keys,
  plain: ['url'],
  addresses: ({ url }) => [{ key: 'url', url, isElsewhere: true }],
  check(settings) {
    const { url, paths, token, header, private: networks = [], timeout } = settings;
    const problems = [...originProblems(url)];
    if (token !== undefined && header !== undefined)
      problems.push({ key: 'header', problem: 'a credential stands in one place', hint: 'give token: or header:' });
    if (header !== undefined && ownHeaders.has(header.toLowerCase()))
      problems.push({ key: 'header', problem: `"${header}" is no place for a credential` });
    for (const [index, path] of paths.entries())
      if (paths.indexOf(path) !== index)
        problems.push({ key: 'paths', problem: `the path "${path}" stands there twice` });
    for (const network of networks) {
      const range = rangeOf(network);
      if (range === undefined)
        problems.push({ key: 'private', problem: `"${network}" is no network`, hint: 'write it as 10.20.0.0/16' });
      else if (neverReached(range.address))
        problems.push({ key: 'private', problem: `nothing in "${network}" is ever reached`, hint: 'leave it out' });
    }
    if ((parseDuration(timeout) ?? 0) > longest) problems.push({ key: 'timeout', problem: 'is longer than 2m' });
    return problems;
  },
  rules,
  laptop: ({ ordersApi }, declared) => ({
    ...anything,
    ...(declared ?? ({ token: 'bearer' } as const)),
    private: undefined,
    url: ordersApi,
  }),
  async load() {
    const { createHttpApi } = await import('./api.ts');
    return {
      create: (settings, services) =>
        createHttpApi({
          ...services,
          url: settings.url,
          rules: rules(settings),
          networks: settings.private ?? [],
          timeout: (parseDuration(settings.timeout) ?? 30) * 1_000,
          inFlight: settings['in-flight'],
        }),
    };
  },
});

function rules(settings: HttpApiSettings): ApiRules {
  const { methods: allowed, paths, token, header } = settings;
  const bearer = token === 'bearer' ? { header: 'authorization', bearer: true } : undefined;
  return {
    methods: allowed,
    // none is any: service.yaml has one at least
    paths: paths.length === 0 ? undefined : paths,
    credential: header === undefined ? bearer : { header: header.toLowerCase(), bearer: false },
    keyed: settings['idempotency-key'],
  };
}

/** It must stand there as it is used: what a parser would change, a reader may take for something else. */
function originProblems(text: string): { key: string; problem: string; hint?: string }[] {
  const url = URL.parse(text);
  if (url === null) return [];
  const host = url.hostname.replace(/\.$/, '');
  const plain = `${url.protocol}//${host}${url.port === '' ? '' : `:${url.port}`}`;
  if (text.replace(/\/$/, '').toLowerCase() !== plain)
    return [{ key: 'url', problem: 'is more than an origin, or not written plainly', hint: `write ${plain}` }];
  if (!/^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[\da-f:.]+\])$/.test(host))
    return [{ key: 'url', problem: 'has no name of a host', hint: 'one name, without *' }];
  // as a parser has written them; node's own look at an address costs each start 3 ms
  if (/^\[|^[\d.]+$/.test(host) && !isLoopbackHost(host))
    return [{ key: 'url', problem: 'is an address', hint: 'write the name that its certificate is for' }];
  return [];
}
