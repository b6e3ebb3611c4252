import type { BlockList } from 'node:net';

// with it come sockets and streams: loaded by who looks at an address
const net = () => process.getBuiltinModule('node:net');
const isIP = (text: string) => net().isIP(text);

/** An address, or a network by its first one and the length of its prefix. */
interface Range {
  readonly address: string;
  readonly prefix: number;
}

/** `10.20.0.0/16`; undefined where it is none. */
export function rangeOf(text: string): Range | undefined {
  const [, address = '', length = ''] = /^([\da-f.:]+)\/(\d{1,3})$/i.exec(text) ?? [];
  const prefix = Number(length);
  const family = isIP(address);
  return family === 0 || prefix > (family === 6 ? 128 : 32) ? undefined : { address, prefix };
}

const listOf = (...texts: readonly string[]): BlockList => {
  const list = new (net().BlockList)();
  for (const { address, prefix } of texts.flatMap((text) => rangeOf(text) ?? []))
    list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return list;
};

/** Made when it is first looked at: a command that asks no API does without it, and without what node takes for it. */
const lazily = (...texts: readonly string[]): (() => BlockList) => {
  let list: BlockList | undefined;
  return () => (list ??= listOf(...texts));
};

const loopback = lazily('127.0.0.0/8', '::1/128');

/** No file opens these: this machine, whoever is on the same wire, metadata services, many at once, others in disguise. */
const never = lazily(
  ...['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4', '::/128', 'fe80::/10', 'ff00::/8'],
  // metadata services that are not link-local: Oracle, Azure, Alibaba, AWS
  ...['192.0.0.192/32', '168.63.129.16/32', '100.100.100.200/32', 'fd00:ec2::254/128'],
  // IPv4 inside IPv6: translated (NAT64), 6to4, Teredo; what is mapped is told by its text
  ...['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32'],
);

/** Of IPv6 only this is global unicast (RFC 4291, section 2.4); of IPv4 all but what follows. */
const global = lazily('2000::/3');

/** Not globally reachable, by the registries of RFC 6890. */
const special = lazily(
  ...['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24'],
  ...['192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24'],
  ...['203.0.113.0/24', '2001::/23', '2001:db8::/32', '2620:4f:8000::/48', '3fff::/20'],
);

/** Whether an address is one that no `private:` opens. */
export function neverReached(address: string): boolean {
  return isMapped(address) || has(loopback(), address) || has(never(), address);
}

/**
 * Which addresses may be talked to: public ones, and those of the given networks.
 * @param development this machine too
 */
export function reachable(networks: readonly string[], development: boolean): (address: string) => boolean {
  const open = listOf(...networks);
  return (address) => {
    if (isIP(address) === 0 || isMapped(address)) return false;
    if (has(loopback(), address)) return development;
    if (has(never(), address)) return false;
    if (has(open, address)) return true;
    return !has(special(), address) && (isIP(address) === 4 || has(global(), address));
  };
}

/** A list takes an IPv4 address for the same as the one that it is mapped to, in either direction. */
const isMapped = (address: string) => isIP(address) === 6 && /^(?:0{0,4}:)*:?ffff:/i.test(address);

function has(list: BlockList, address: string): boolean {
  // a zone is of this machine's, and no part of the address
  const [plain = ''] = address.split('%');
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}
