/**
 * A request head that we wrote for HTTP/1.1 as the fields of HTTP/2: name, value, name, value. What goes upstream is decided
 * in one place, whatever carries it.
 */
export function requestFields(head: string, scheme: 'http' | 'https'): string[] {
  const [requestLine, hostLine, ...lines] = head.slice(0, -4).split('\r\n') as [string, string, ...string[]];
  const [method, target] = requestLine.split(' ') as [string, string];
  const authority = hostLine.slice('Host: '.length);
  const fields = [':method', method, ':scheme', scheme, ':authority', authority, ':path', target];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    // RFC 9113, 8.2.2: they are about a connection of HTTP/1.1.
    if (name !== 'connection' && name !== 'transfer-encoding') fields.push(name, line.slice(colon + 2));
  }
  return fields;
}
