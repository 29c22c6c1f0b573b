import { Cursor } from './cursor.ts';
import { connectionOptions, persists } from './fields.ts';
import { responseFraming } from './framing.ts';
import { type Fields, fieldLines, statusLine } from './head.ts';
import { type Framing, type Incomplete, type Limits, outcomeOf, type Refused, refuse } from './outcome.ts';

export interface Response {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
  readonly minor: number;
  readonly fields: Fields;
  readonly framing: Framing;
  readonly keepAlive: boolean;
  readonly isUpgrade: boolean;
  /** Bytes of the head. */
  readonly length: number;
}

/** The first response head in `bytes`, to a request with this method. */
export function readResponse(bytes: Buffer, limits: Limits, method: string): Response | Incomplete | Refused {
  return outcomeOf(() => {
    const cursor = new Cursor(bytes, limits.headBytes);
    const line = statusLine(cursor);
    const fields = fieldLines(cursor, limits);
    // RFC 9110 §15: five classes; a number outside of them says nothing one could pass on.
    if (line.status < 100 || line.status > 599) refuse('status', 502);
    const options = connectionOptions(fields);
    const framing = responseFraming(fields, line.status, line.minor, method);
    return {
      kind: 'response',
      ...line,
      fields,
      framing,
      keepAlive: framing.kind !== 'close' && persists(options, line.minor),
      isUpgrade: line.status === 101 && options.has('upgrade'),
      length: cursor.at,
    };
  });
}
