import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionStringFault, parseConnectionString } from '../../../shared/adapters/connection/connection-string.ts';

const whole = 'Server=db.example.com;Port=6432;Database=shop;User Id=backup;Password=canary;SslMode=VerifyFull';

function faultOf(text: string): string {
  try {
    parseConnectionString(text);
  } catch (error) {
    if (error instanceof ConnectionStringFault) return error.message;
    throw error;
  }
  return 'none';
}

describe('a connection string in ADO.NET form', () => {
  it('gives server, port, user, password and SslMode', () => {
    expect(parseConnectionString(whole)).toEqual({
      host: 'db.example.com',
      port: 6432,
      user: 'backup',
      password: 'canary',
      sslMode: 'verify-full',
    });
  });

  it.each([
    'Host=h;Username=u;Password=p',
    'HOST = h ; user name = u ; PASSWORD = p',
    'Data Source=h;UserId=u;PWD=p',
    'Addr=h;UID=u;PSW=p',
    'Address=h;User=u;Pwd=p;',
    'Network Address=h;User ID=u;Password=p;;',
    ';Server=h; ;User_Id=u;Password=p\n',
    'Server=h;User Id=u;Password=p;Search Path=;Passfile=;',
    `Server="h";User Id='u';Password="p"`,
    'Initial Catalog=x;Server=h;User Id=u;Password=p',
    'DB=x;Server=h;User Id=u;Password=p',
  ])('is understood as %j', (text) => {
    expect(parseConnectionString(text)).toEqual({ host: 'h', port: 5432, user: 'u', password: 'p' });
  });

  it.each([
    ['Disable', 'disable'],
    ['allow', 'allow'],
    ['Prefer', 'prefer'],
    ['REQUIRE', 'require'],
    ['VerifyCA', 'verify-ca'],
    ['verify-ca', 'verify-ca'],
    ['Verify Full', 'verify-full'],
    ['verify_full', 'verify-full'],
  ])('has the SslMode %s as %s, under each of its names', (written, mode) => {
    for (const key of ['SslMode', 'SSL Mode', 'sslmode', 'ssl_mode']) {
      expect(parseConnectionString(`Server=h;User Id=u;Password=p;${key}=${written}`).sslMode).toBe(mode);
    }
  });

  it.each([
    ['10.0.0.5', '10.0.0.5', 5432],
    ['db.example.com:6000', 'db.example.com', 6000],
    ['::1', '::1', 5432],
    ['[fd00::5]', 'fd00::5', 5432],
    ['[fd00::5]:6000', 'fd00::5', 6000],
    ['my_server-1', 'my_server-1', 5432],
  ])('has the server %s as host %s, port %i', (server, host, port) => {
    expect(parseConnectionString(`Server=${server};User Id=u;Password=p`)).toMatchObject({ host, port });
  });

  it('takes the port beside the host before the keyword', () => {
    expect(parseConnectionString('Server=h:6000;Port=7000;User Id=u;Password=p').port).toBe(6000);
  });

  it.each([
    ['Password=p=1==', 'p=1=='],
    ['Password="a;b"', 'a;b'],
    [`Password='it''s "so"'`, `it's "so"`],
    ['Password="say ""yes"""', 'say "yes"'],
    [`Password=it's`, `it's`],
    ['Password=a{b}', 'a{b}'],
    ['Password="{a}"', '{a}'],
    ['Password=a={b', 'a={b'],
    ['Password=" spaces "', ' spaces '],
    ['Password=100%&+/\\#?@', '100%&+/\\#?@'],
    ['Password=пароль', 'пароль'],
  ])('has in %s the password %s', (element, password) => {
    expect(parseConnectionString(`Server=h;User Id=u;${element};SslMode=Require`).password).toBe(password);
    expect(parseConnectionString(`Server=h;User Id=u;${element}`).password).toBe(password);
  });

  it('takes over any password that was quoted as ADO.NET does', () => {
    const password = fc
      .string({ minLength: 1, unit: 'binary' })
      .filter((text) => !text.includes('\0') && !/;\s*;|(^|;)[^;=]*=\s*[;{]/.test(`${text}`));
    fc.assert(
      fc.property(password, (text) => {
        const quoted = `Server=h;User Id=u;Password="${text.replaceAll('"', '""')}"`;
        expect(parseConnectionString(quoted).password).toBe(text);
      }),
    );
  });

  it('never says a value, whatever is wrong with the string', () => {
    const letters = fc.string({ maxLength: 12, unit: fc.constantFrom(...`;='"{} ,aZ9\n`) });
    fc.assert(
      fc.property(letters, letters, letters, (before, middle, after) => {
        const said = faultOf(`Server=h;User Id=u;Password=${before}CANARY${middle}CANARY${after}`);
        expect(said).not.toContain('CANARY');
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['SSL Key=/etc/canary', 'SSL Key'],
    ['sslkey=/etc/canary', 'SSL Key'],
    ['SSL Certificate=canary', 'SSL Certificate'],
    ['sslcert=canary', 'SSL Certificate'],
    ['Root Certificate=canary', 'Root Certificate'],
    ['sslrootcert=canary', 'Root Certificate'],
    ['Passfile=canary', 'Passfile'],
    ['PassFile=canary', 'Passfile'],
    ['Service=canary', 'Service'],
    ['Options=-c canary=1', 'Options'],
    ['Search Path=canary', 'Search Path'],
    ['Target Session Attributes=canary', 'Target Session Attributes'],
    ['target_session_attrs=canary', 'Target Session Attributes'],
    ['Include Error Detail=canary', 'Include Error Detail'],
    ['Load Balance Hosts=canary', 'Load Balance Hosts'],
    ['Integrated Security=canary', 'Integrated Security'],
    ['hostaddr=127.0.0.1', 'Hostaddr'],
  ])('is refused for %s, by the name of the keyword alone', (element, name) => {
    expect(faultOf(`${whole};${element}`)).toBe(`the keyword '${name}' is not allowed.`);
  });

  it('may tune what does not concern us', () => {
    const tuning =
      'Timeout=15;Command Timeout=0;Pooling=false;Application Name=x;Keepalive=30;Trust Server Certificate=true';
    expect(parseConnectionString(`${whole};${tuning}`)).toEqual(parseConnectionString(whole));
  });

  it.each([
    ['User Id=u;Password=p', 'it has no Server.'],
    ['Server=h;Password=p', 'it has no User Id.'],
    ['Server=h;User Id=u', 'it has no Password.'],
    ['Server=h;User Id=u;Password=', 'it has no Password.'],
    ['Server=;User Id=u;Password=p', 'it has no Server.'],
    ['', 'it has no Server.'],
    ['postgres://u:canary@h/db', 'it is a URI.'],
    [' postgresql://u:canary@h/db?x=1', 'it is a URI.'],
    ['jdbc:postgresql://h/db', 'an element has no = (a value with a semicolon must be in quotes).'],
    ['host=h port=5432 user=u password=canary', 'the Server is not a host name or address.'],
    ['Server=a,b;User Id=u;Password=p', 'it names several servers; one is expected.'],
    [
      'Server=/var/run/postgresql;User Id=u;Password=p',
      'the Server is a socket of this machine; a host name or address is expected.',
    ],
    ['Server=h/x;User Id=u;Password=p', 'the Server is not a host name or address.'],
    ['Server=fe80::1%eth0;User Id=u;Password=p', 'the Server is not a host name or address.'],
    ['Server=1:2:3;User Id=u;Password=p', 'the Server is not a host name or address.'],
    ['Server=h;Port=canary;User Id=u;Password=p', 'the Port is not a number from 1 to 65535.'],
    ['Server=h;Port=65536;User Id=u;Password=p', 'the Port is not a number from 1 to 65535.'],
    ['Server=h;Host=other;User Id=u;Password=p', 'the Server is given twice, in two spellings.'],
    [
      'Server=h;User Id=u;Password=p;SslMode=canary',
      'the SslMode is none of Disable, Allow, Prefer, Require, VerifyCA, VerifyFull.',
    ],
    [
      'Server=h;User Id=u;Password=can;ary=1',
      'the keyword at place 4 is not known (a value with a semicolon must be in quotes).',
    ],
    ['Server=h;User Id=u;Password=can;ary', 'an element has no = (a value with a semicolon must be in quotes).'],
    [
      'Server=h;canary;User Id=u;Password=p',
      'the keyword at place 2 is not known (a value with a semicolon must be in quotes).',
    ],
    ['Server=h;User Id=u;Password={canary}', 'a value that begins with a brace must be in quotes.'],
    ['Server=h;User Id=u;Password="canary', 'its quotes are not balanced, or text follows a quoted value.'],
    ['Server=h;User Id=u;Password="can"ary', 'its quotes are not balanced, or text follows a quoted value.'],
    [`Server='h';;User Id=u;Password=p`, 'it has an empty element or value: leave it out.'],
  ])('says about %j: %s', (text, said) => {
    expect(faultOf(text)).toBe(said);
    expect(said).not.toContain('canary');
  });
});
