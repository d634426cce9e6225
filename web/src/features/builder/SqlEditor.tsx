// CodeMirror for SQL: colours, completion of tables, columns and functions, errors marked in the text.
import {
  autocompletion,
  type Completion,
  type CompletionContext,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { PostgreSQL } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, LanguageSupport, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
  placeholder,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { schemasQuery, type TableSummary, tableQuery } from '../../api/connections';
import { type Items, request } from '../../api/http';
import { tablesIn } from '../../lib/sql-text';
import { FUNCTIONS, KEYWORDS } from './sql-functions';

const colors = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--g-accent-text)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--g-good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--g-warn)' },
  { tag: tags.comment, color: 'var(--g-dim)', fontStyle: 'italic' },
  { tag: [tags.typeName, tags.standard(tags.name)], color: 'var(--g-accent-text)' },
]);

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', background: 'var(--g-surface)', color: 'var(--g-text)' },
  '.cm-scroller': { fontFamily: 'var(--g-mono)', lineHeight: '20px' },
  '.cm-content': { caretColor: 'var(--g-accent)', padding: '8px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--g-accent)', borderLeftWidth: '2px' },
  '&.cm-focused': { outline: 'none' },
  '&.cm-focused .cm-scroller': { boxShadow: 'inset 2px 0 0 var(--g-accent)' },
  '.cm-gutters': { background: 'var(--g-surface)', color: 'var(--g-dim)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { background: 'var(--g-hover)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
    background: 'var(--g-accent-soft) !important',
  },
  '.cm-tooltip': {
    background: 'var(--g-raised)',
    border: '1px solid var(--g-line)',
    borderRadius: '6px',
    boxShadow: 'var(--g-shadow)',
    color: 'var(--g-text)',
  },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--g-mono)', fontSize: '12px' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px', color: 'var(--g-text)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    background: 'var(--g-accent-soft)',
    color: 'var(--g-text)',
  },
  '.cm-completionDetail': { color: 'var(--g-dim)', fontStyle: 'normal', marginLeft: '10px' },
  '.cm-matchingBracket': { background: 'var(--g-accent-soft) !important' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--g-bad)',
    textUnderlineOffset: '3px',
  },
  '.cm-diagnostic-error': {
    borderLeft: '3px solid var(--g-bad)',
    padding: '6px 10px',
    fontFamily: 'Inter Variable, sans-serif',
  },
});

export type SqlProblem = { from: number; to: number; message: string };

type Props = {
  value: string;
  onChange: (value: string) => void;
  onRun: () => void;
  connection: string;
  label: string;
  problem: SqlProblem | null;
};

const FUNCTION_OPTIONS: Completion[] = FUNCTIONS.map(([name, signature]) => ({
  label: name,
  type: 'function',
  detail: signature,
  apply: `${name}(`,
  boost: -1,
}));

const KEYWORD_OPTIONS: Completion[] = KEYWORDS.map((label) => ({ label, type: 'keyword' }));

/** Tables of the connection, columns of the tables in the text, and our functions. */
function useCompletion(connection: string) {
  const queries = useQueryClient();
  const source = async (context: CompletionContext) => {
    const word = context.matchBefore(/[A-Za-z_][\w.]*/);
    if (!word && !context.explicit) return null;
    const from = word?.from ?? context.pos;
    const text = context.state.doc.toString();
    const known = await queries
      .fetchQuery({
        queryKey: ['connections', connection, 'all-tables'],
        queryFn: () =>
          request<Items<TableSummary>>(`/workspace-api/connections/${encodeURIComponent(connection)}/tables`),
        staleTime: 60_000,
      })
      .then((page) => page.items)
      .catch(() => []);
    const used = tablesIn(text).filter((name) => known.some((table) => table.name === name));
    const tables = await Promise.all(
      used.slice(0, 6).map((name) => queries.fetchQuery(tableQuery(connection, name)).catch(() => null)),
    );
    const schemas = await queries.fetchQuery(schemasQuery(connection)).catch(() => []);
    const typed = text.slice(from, context.pos);
    const afterDot = typed.includes('.') && !schemas.some((schema) => typed.startsWith(`${schema.name}.`));
    const columns: Completion[] = tables.flatMap(
      (table) =>
        table?.columns.map((column) => ({
          label: afterDot ? `${typed.slice(0, typed.lastIndexOf('.'))}.${column.name}` : column.name,
          type: 'property',
          detail: column.data_type,
          boost: 2,
        })) ?? [],
    );
    const tableOptions: Completion[] = known.map((table) => ({
      label: table.name,
      type: 'class',
      detail: table.geometry_type ?? 'table',
      boost: 1,
    }));
    return {
      from,
      options: [...columns, ...tableOptions, ...KEYWORD_OPTIONS, ...FUNCTION_OPTIONS],
      validFor: /^[\w.]*$/,
    };
  };
  return source;
}

export default function SqlEditor({ value, onChange, onRun, connection, label, problem }: Props) {
  const { t } = useTranslation();
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ onChange, onRun, value });
  latest.current = { onChange, onRun, value };
  const completion = useRef(useCompletion(connection));
  const hint = t('sql.placeholder');

  useEffect(() => {
    const made = new EditorView({
      parent: parent.current!,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          highlightActiveLine(),
          bracketMatching(),
          closeBrackets(),
          new LanguageSupport(PostgreSQL.language),
          PostgreSQL.language.data.of({ autocomplete: completion.current }),
          autocompletion({ icons: false, maxRenderedOptions: 60 }),
          syntaxHighlighting(colors),
          lintGutter(),
          look,
          placeholder(hint),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
          keymap.of([
            {
              key: 'Mod-Enter',
              run: () => {
                latest.current.onRun();
                return true;
              },
            },
            // Tab indents; Escape first, then Tab leaves the editor.
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            indentWithTab,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    made.focus();
    // The lines are as high as their font, which may still be on its way.
    void document.fonts.ready.then(() => made.requestMeasure());
    made.dispatch({ selection: { anchor: made.state.doc.length } });
    return () => made.destroy();
  }, [label, hint]);

  useEffect(() => {
    const now = view.current;
    if (!now) return;
    const length = now.state.doc.length;
    const marks =
      problem && problem.from <= length
        ? [
            {
              from: problem.from,
              to: Math.min(length, Math.max(problem.to, problem.from + 1)),
              severity: 'error' as const,
              message: problem.message,
            },
          ]
        : [];
    now.dispatch(setDiagnostics(now.state, marks));
  }, [problem?.from, problem?.to, problem?.message, problem]);

  return <div ref={parent} style={{ height: '100%' }} data-testid="sql-editor" />;
}
