/** The two syntaxes, read back independently of what writes them. */

/** nginx: each directive as `outer > inner > name`, in order; arguments left out. */
export function nginxStructure(text: string): string[] {
  const found: string[] = [];
  const open: string[] = [];
  let words: string[] = [];
  for (const token of nginxTokens(text)) {
    if (token === ';' || token === '{') {
      // Within a map or geo the first word is data.
      const isData = /^(?:map|geo)$/.test(open.at(-1) ?? '') && words[0] !== 'hostnames';
      const name = isData ? 'entry' : (words[0] ?? '');
      found.push([...open, name].join(' > '));
      if (token === '{') open.push(name);
      words = [];
    } else if (token === '}') open.pop();
    else words.push(token);
  }
  if (open.length + words.length > 0) throw new Error(`unclosed: ${open} ${words}`);
  return found;
}

function nginxTokens(text: string): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < text.length; ) {
    const char = text[at]!;
    if (/\s/.test(char)) at++;
    else if (char === '#') at = end(text, at, '\n');
    else if (/[;{}]/.test(char)) {
      tokens.push(char);
      at++;
    } else if (char === '"' || char === "'") {
      let stop = at + 1;
      while (stop < text.length && text[stop] !== char) stop += text[stop] === '\\' ? 2 : 1;
      tokens.push(`"${text.slice(at + 1, stop)}`);
      at = stop + 1;
    } else {
      const word = /^(?:\\.|\$\{|[^\s;{])+/s.exec(text.slice(at))![0];
      tokens.push(word);
      at += word.length;
    }
  }
  return tokens;
}

/** HAProxy: the section and the first words of each line, arguments left out. */
export function haproxyStructure(text: string): string[] {
  let section = '';
  return text.split('\n').flatMap((line) => {
    const words = haproxyWords(line);
    if (words.length === 0) return [];
    if (!line.startsWith(' ')) section = words[0]!;
    const isPair = /^(?:http-request|tcp-request|timeout|option|stats)$/.test(words[0]!);
    const first = words.slice(0, isPair ? 2 : 1).map((word) => word.replace(/\(.*/s, ''));
    return [`${section} > ${first.join(' ')}`];
  });
}

function haproxyWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if (char === '#') break;
    if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (char === "'") {
      const stop = end(line, at + 1, "'");
      if (stop === line.length) throw new Error(`unclosed quote: ${line}`);
      word = (word ?? '') + line.slice(at + 1, stop);
      at = stop;
    } else if (char === '"') throw new Error(`double quote: ${line}`);
    else if (char === '\\') word = (word ?? '') + (line[++at] ?? '');
    else word = (word ?? '') + char;
  }
  return word === null ? words : [...words, word];
}

function end(text: string, from: number, what: string): number {
  const found = text.indexOf(what, from);
  return found < 0 ? text.length : found;
}
