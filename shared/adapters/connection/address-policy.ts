import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses of hypervisors that hand out credentials or configuration to whoever asks from inside: Azure, AWS, Google, Alibaba, Oracle. */
const metadata = [
  '169.254.169.254',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd20:ce::254',
].map((text) => ipaddr.parse(text).toNormalizedString());

/**
 * Whether a connection must never go there: link-local, unspecified, multicast, broadcast and metadata addresses, also written inside an
 * IPv6 address (mapped, translated, 6to4). Loopback and private addresses are where self-hosted servers are. Text that is not an address is
 * not forbidden: it has to be resolved first.
 */
export function isForbiddenAddress(text: string): boolean {
  const bare = text.replace(/^\[|\]$/g, '');
  if (!ipaddr.isValid(bare)) return false;
  const address = embedded(ipaddr.parse(bare));
  return (
    ['linkLocal', 'unspecified', 'multicast', 'broadcast'].includes(address.range()) ||
    metadata.includes(address.toNormalizedString())
  );
}

export function isLoopbackAddress(text: string): boolean {
  return ipaddr.isValid(text) && embedded(ipaddr.parse(text)).range() === 'loopback';
}

/** The IPv4 address that an IPv6 address stands for, else the address itself. */
function embedded(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address;
  const bytes = address.toByteArray();
  switch (address.range()) {
    case 'ipv4Mapped':
    case 'rfc6145':
    case 'rfc6052':
      return new ipaddr.IPv4(bytes.slice(12));
    case '6to4':
      return new ipaddr.IPv4(bytes.slice(2, 6));
    default:
      return address;
  }
}
