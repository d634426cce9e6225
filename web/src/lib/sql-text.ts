// Reading SQL text just enough for an editor: where its words, strings and errors are.

export type Token = { text: string; from: number; kind: 'word' | 'quoted' | 'other'; depth: number };

const PATTERN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^'\\]|''|\\.)*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)|[A-Za-z_][A-Za-z0-9_$-]*|\s+|[\s\S]/g;

/** Words, quoted names and single signs, with the depth of brackets around them; comments and strings are left out. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  for (const match of sql.matchAll(PATTERN)) {
    const text = match[0];
    if (/^\s/.test(text) || text.startsWith('--') || text.startsWith('/*') || text.startsWith("'")) continue;
    if (text === ')') depth -= 1;
    const kind = /^[A-Za-z_]/.test(text) ? 'word' : /^["`]/.test(text) ? 'quoted' : 'other';
    tokens.push({ text, from: match.index, kind, depth });
    if (text === '(') depth += 1;
  }
  return tokens;
}

/** The statement without its closing semicolon and what follows it. */
export function withoutSemicolon(sql: string): string {
  const last = tokensOf(sql).at(-1);
  return last?.text === ';'
    ? `${sql.slice(0, last.from)}${sql.slice(last.from + 1)}`.trimEnd()
    : sql.trimEnd();
}

/**
 * The statement with at most `rows` result rows. A limit of its own stands as it is.
 * Appended, not wrapped: the order stays, and error positions still fit the text.
 */
export function withPreviewLimit(sql: string, rows: number): string {
  const statement = withoutSemicolon(sql);
  const outer = tokensOf(statement).filter((token) => token.kind === 'word' && token.depth === 0);
  const first = outer[0]?.text.toUpperCase();
  const isQuery = first === 'SELECT' || first === 'WITH';
  const isLimited = outer.some((token) => /^(limit|fetch)$/i.test(token.text));
  return isQuery && !isLimited ? `${statement}\nLIMIT ${rows}` : statement;
}

/** Names after FROM and JOIN, unquoted, as `schema.table` or `table`; each once. */
export function tablesIn(sql: string): string[] {
  const tokens = tokensOf(sql);
  const found = new Set<string>();
  tokens.forEach((token, at) => {
    if (!/^(from|join)$/i.test(token.text)) return;
    const parts: string[] = [];
    let next = at + 1;
    while (tokens[next] && tokens[next]!.kind !== 'other') {
      parts.push(...tokens[next]!.text.replace(/["`]/g, '').split('.'));
      if (tokens[next + 1]?.text !== '.') break;
      next += 2;
    }
    if (parts.length) found.add(parts.slice(-2).join('.'));
  });
  return [...found];
}

/** Where in the text a server's message points: offsets, or nothing when it does not say. */
export function errorRange(sql: string, message: string): { from: number; to: number } | null {
  const position = /line:?\s*(\d+),?\s*(?:and\s*)?col(?:umn)?:?\s*(\d+)/i.exec(message);
  if (position) {
    const lines = sql.split('\n');
    const line = Math.min(Number(position[1]), lines.length) - 1;
    const start = lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, 0);
    const from = Math.min(start + Number(position[2]) - 1, Math.max(0, sql.length - 1));
    const word = /^[\w.]+/.exec(sql.slice(from))?.[0] ?? sql.slice(from, from + 1);
    return { from, to: from + word.length };
  }
  for (const quoted of message.matchAll(/(?:not found: |No field named )([\w."]+)|["'`]([\w.]+)["'`]/gi)) {
    const name = (quoted[1] ?? quoted[2] ?? '').replace(/"/g, '').replace(/\.$/, '').split('.').at(-1)!;
    if (!name) continue;
    const hit = tokensOf(sql).find(
      (token) => token.text.replace(/["`]/g, '').toLowerCase() === name.toLowerCase(),
    );
    if (hit) return { from: hit.from, to: hit.from + hit.text.length };
  }
  return null;
}
