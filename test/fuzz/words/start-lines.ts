/** Parts of request and status lines. */

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'REPORT'];
export const ODD_METHODS = [
  'CONNECT',
  'get',
  'FOOBAR',
  'M-SEARCH',
  'G"T',
  'GET\t',
  '',
  'X'.repeat(32),
  'X'.repeat(33),
  'PRI',
  "!#$%&'*+-.^_`|~09",
  'G\xcbT',
  ' GET',
];

export const TARGETS = ['/', '/a/b?c=d', '/index.html', '/%2e%2e/x', '//x', '/a;b=c', '/?'];
export const ODD_TARGETS = [
  '*',
  '',
  'x',
  '?q',
  'a:80',
  '/a#b',
  '/a b',
  '/\x00',
  '/\x7f',
  '/\xff',
  '/a\tb',
  '/"<>\\^`{|}',
  'http://example.com/',
  'http://example.com',
  'http://other.test/x',
  'HTTP://EXAMPLE.COM:80/x?y',
  'https://example.com?q',
  'http://u@example.com/',
  'http:///x',
  'http:/example.com/',
  'ftp://example.com/',
  'http://example.com\\@other.test/',
  'http://[::1]/',
  'http://example.com:99999/',
  'http://example.com./',
  'http://*/',
];

export const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'];
export const ODD_VERSIONS = [
  'HTTP/2.0',
  'HTTP/3.0',
  'HTTP/0.9',
  'HTTP/1.2',
  'HTTP/1.9',
  'HTTP/1.10',
  'HTTP/1.',
  'HTTP/1',
  'http/1.1',
  'HTTP/ 1.1',
  'HTTP/1.1 ',
  'HTTP/11',
  'HTTP/2',
  'HTTP/1,1',
  'HTTP/01.1',
  'HTTP/-1.1',
  'HTP/1.1',
  '',
];

export const STATUSES = ['200', '200', '204', '304', '101', '100', '404', '502'];
export const ODD_STATUSES = ['99', '099', '600', '599', '000', '20', '2000', '2e0', ' 200', '-20', '20 ', ''];
export const REASONS = [' OK', ' ', '', ' Not Found', ' \xe9t\xe9'];
export const ODD_REASONS = ['  ', ' \x00', '\t', 'x', ' a\x7f', ' a\tb', ' \r'];
