import { explainRead, readText } from '../../config/files.ts';
import type { Findings } from '../../config/problem.ts';
import { parseSecret } from '../../config/values.ts';

/** The token in a file; messages never repeat it. */
export function readTokenFile(tokenFile: string, at: string, findings: Findings) {
  try {
    return { token: checkedToken(readText(tokenFile), at, findings), tokenFile };
  } catch (error) {
    findings.problems.push({ at, message: `cannot read ${tokenFile}: ${explainRead(error)}` });
    return { token: null, tokenFile };
  }
}

export function checkedToken(token: string, at: string, findings: Findings): string | null {
  const parsed = parseSecret(token);
  if (parsed.ok) return parsed.value;
  findings.problems.push({ at, message: `the token ${parsed.reason}` });
  return null;
}
