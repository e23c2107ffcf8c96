/**
 * The keywords of Npgsql's connection strings (NpgsqlConnectionStringBuilder: names and aliases of every version up to 9), with those
 * that .NET and libpq users write by habit. Written without spaces and underscores, in lower case.
 */
export type Part = 'server' | 'port' | 'database' | 'user' | 'password' | 'sslMode';

const spellings: Readonly<Record<Part, string>> = {
  server: 'server host datasource addr address networkaddress',
  port: 'port',
  database: 'database db dbname initialcatalog',
  user: 'userid username user uid',
  password: 'password pwd psw',
  sslMode: 'sslmode',
};

/** Tuning of a client pool, or of .NET types: says nothing about which server is meant or how it is trusted. */
const harmless = `
  applicationname enlist encoding clientencoding timezone persistsecurityinfo trustservercertificate usesslstream
  pooling minimumpoolsize minpoolsize maximumpoolsize maxpoolsize connectionidlelifetime connectionpruninginterval
  connectionlifetime loadbalancetimeout hostrecheckseconds
  timeout connecttimeout connectiontimeout commandtimeout internalcommandtimeout cancellationtimeout
  keepalive keepalives tcpkeepalive tcpkeepalivetime tcpkeepaliveinterval
  buffersize readbuffersize writebuffersize socketreceivebuffersize socketsendbuffersize
  maxautoprepare autoprepareminusages persistprepared noresetonclose multiplexing writecoalescingbufferthresholdbytes
  arraynullabilitymode convertinfinitydatetime loadtablecomposites
  eftemplatedatabase entitytemplatedatabase efadmindatabase entityadmindatabase`;

/**
 * Refused, under the name to say: they read files of the machine this runs on, send the connection elsewhere, or ask for a behaviour that
 * would silently not be had.
 */
const refused: Readonly<Record<string, string>> = {
  'SSL Certificate': 'sslcertificate sslcert clientcertificate',
  'SSL Key': 'sslkey clientcertificatekey',
  'SSL Password': 'sslpassword',
  'Root Certificate': 'rootcertificate sslrootcert sslcrl sslcrldir',
  'Check Certificate Revocation': 'checkcertificaterevocation',
  'SSL Negotiation': 'sslnegotiation',
  'Channel Binding': 'channelbinding',
  'Require Auth': 'requireauth',
  'GSS Encryption Mode': 'gssencryptionmode gssencmode',
  Passfile: 'passfile',
  Service: 'service servicefile',
  Options: 'options',
  'Search Path': 'searchpath currentschema',
  'Target Session Attributes': 'targetsessionattributes targetsessionattrs',
  'Load Balance Hosts': 'loadbalancehosts',
  'Include Error Detail': 'includeerrordetail includeerrordetails',
  'Log Parameters': 'logparameters',
  'Integrated Security': 'integratedsecurity',
  'Kerberos Service Name': 'kerberosservicename krbsrvname includerealm',
  'Replication Mode': 'replicationmode replication',
  'Server Compatibility Mode': 'servercompatibilitymode',
  Hostaddr: 'hostaddr',
};

export type Keyword =
  | { readonly kind: 'part'; readonly part: Part }
  | { readonly kind: 'harmless' }
  | { readonly kind: 'refused'; readonly name: string };

const known = new Map<string, Keyword>();
const add = (names: string, keyword: Keyword) =>
  names
    .trim()
    .split(/\s+/)
    .forEach((name) => known.set(name, keyword));
add(harmless, { kind: 'harmless' });
for (const [name, names] of Object.entries(refused)) add(names, { kind: 'refused', name });
for (const part of Object.keys(spellings) as Part[]) add(spellings[part], { kind: 'part', part });

/** Undefined for a keyword that nobody uses. */
export const keywordOf = (text: string): Keyword | undefined => known.get(text.toLowerCase().replace(/[\s_]/g, ''));
