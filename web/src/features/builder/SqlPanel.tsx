// SQL from below: write, run, see rows or a readable error beside the text, and put the result on the map.
import { Button, Skeleton } from '@mantine/core';
import { IconDatabaseSearch, IconPlayerPlay, IconX } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { connectionsQuery, tableQuery } from '../../api/connections';
import { type Field, type QueryResult, runQuery } from '../../api/sql';
import { newId } from '../../lib/id';
import { errorRange, tablesIn, withoutSemicolon, withPreviewLimit } from '../../lib/sql-text';
import { geometryOf, newDataset, newLayer, popupFields } from '../../map/document/create';
import { addLayer, basemapOf, layersOf, setSource } from '../../map/document/edit';
import { titleOf } from '../../map/document/fromTable';
import type { Geometry } from '../../map/document/types';
import type { Bounds } from '../../map/MapCanvas';
import { type Action, useActions } from '../../ui/actions';
import { DataGrid } from '../../ui/DataGrid';
import { IconButton } from '../../ui/IconButton';
import { EmptyState, ErrorState } from '../../ui/States';
import { useFormat } from '../../ui/useFormat';
import { useDocument, useEditor, useEditorStore } from './context';
import styles from './SqlPanel.module.css';

const SqlEditor = lazy(() => import('./SqlEditor'));

const PREVIEW_ROWS = 500;
/** As many as a result that is longer than the preview is taken to have, to choose how large its points are. */
const MANY_ROWS = 5000;
const START = 'SELECT *\nFROM demo.airports\n';

type Run = {
  sql: string;
  /** Of the tables in the text. */
  attribution: string | null;
  result: QueryResult;
  milliseconds: number;
  geometry: { column: string; kind: Geometry } | null;
};

/** The first geometry column, and what its first rows hold. */
export function geometryIn(result: QueryResult): Run['geometry'] {
  const column = result.schema.find((field: Field) => field.type === 'geometry')?.name;
  if (!column) return null;
  const types = result.rows.map((row) => {
    const value = row[column];
    return typeof value === 'object' && value !== null
      ? String((value as { type?: string }).type)
      : String(value ?? '');
  });
  const known = types.map((type) => geometryOf(type.slice(0, 24))).find((kind) => kind !== null);
  return { column, kind: known ?? 'point' };
}

type Props = { datasetId: string; onFit: (bounds: Bounds) => void };

export function SqlPanel({ datasetId }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const store = useEditorStore();
  const queries = useQueryClient();
  const document = useDocument();
  const openSql = useEditor((editor) => editor.openSql);
  const { data: connections } = useQuery(connectionsQuery);
  const dataset = document.datasets.find((one) => one.id === datasetId);
  const connection = dataset?.connectionName ?? connections?.[0]?.code ?? 'carto_dw';
  const [text, setText] = useState(() => (dataset?.type === 'query' ? dataset.source : START));
  const [height, setHeight] = useState(() => Math.round(window.innerHeight * 0.44));
  const [current, setCurrent] = useState(datasetId);
  const abort = useRef<AbortController | null>(null);

  const putOnMap = useCallback(
    (run: Run) => {
      if (!run.geometry) return;
      const { column, kind } = run.geometry;
      const { apply, history } = store.getState();
      const source = {
        type: 'query' as const,
        source: run.sql,
        geoColumn: column,
        attribution: run.attribution,
      };
      const before = history.present;
      if (before.datasets.some((one) => one.id === current)) {
        apply(t('sql.actChange'), (now) => setSource(now, current, source, run.result.schema));
        return;
      }
      const id = newId();
      const position = layersOf(before).length;
      const label = t('sql.layerName', { table: titleOf(tablesIn(run.sql)[0] ?? t('layers.query')) });
      const made = newDataset({ id, connection, label, ...source }, position);
      const layer = newLayer({
        id: newId(),
        dataId: id,
        label,
        geometry: kind,
        position,
        basemap: basemapOf(before.config),
        count: run.result.rows.length < PREVIEW_ROWS ? run.result.rows.length : MANY_ROWS,
      });
      apply(t('layers.actAdd', { layer: label }), (now) =>
        addLayer(now, made, layer, popupFields(run.result.schema)),
      );
      setCurrent(id);
    },
    [store, current, connection, t],
  );

  const run = useMutation({
    mutationFn: async (sql: string): Promise<Run> => {
      abort.current?.abort();
      abort.current = new AbortController();
      const began = performance.now();
      const result = await runQuery(connection, withPreviewLimit(sql, PREVIEW_ROWS), abort.current.signal);
      const milliseconds = performance.now() - began;
      const tables = await Promise.all(
        tablesIn(sql).map((name) => queries.fetchQuery(tableQuery(connection, name)).catch(() => null)),
      );
      const attributions = new Set(tables.flatMap((table) => table?.attribution ?? []));
      return {
        sql: withoutSemicolon(sql),
        result,
        milliseconds,
        attribution: [...attributions].join(' · ') || null,
        geometry: geometryIn(result),
      };
    },
    onSuccess: putOnMap,
  });
  const { mutate } = run;
  const start = useCallback(() => {
    if (text.trim()) mutate(text);
  }, [text, mutate]);

  const actions = useMemo(
    (): Action[] => [
      {
        id: 'run-sql',
        label: t('sql.run'),
        group: t('sql.title'),
        icon: IconPlayerPlay,
        shortcut: 'Mod+Enter',
        perform: start,
      },
      {
        id: 'close-sql',
        label: t('sql.close'),
        group: t('sql.title'),
        icon: IconX,
        perform: () => openSql(null),
      },
    ],
    [t, start, openSql],
  );
  useActions('sql', actions);

  const isAborted = run.error instanceof DOMException;
  const problem = run.isError && !isAborted ? run.error : null;
  const range = problem && run.variables === text ? errorRange(text, problem.message) : null;
  const columns = useMemo(
    () => run.data?.result.schema.map((field) => ({ name: field.name, type: field.type })) ?? [],
    [run.data],
  );
  const rows = run.data?.result.rows ?? [];

  const resize = (from: number) => {
    const begin = height;
    const move = (event: PointerEvent) =>
      setHeight(Math.max(160, Math.min(window.innerHeight - 160, begin + from - event.clientY)));
    const stop = () => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', stop);
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', stop);
  };

  return (
    <section className={styles.panel} style={{ height }} aria-label={t('sql.title')}>
      <div
        className={styles.handle}
        role="separator"
        aria-orientation="horizontal"
        aria-label={t('sql.resize')}
        aria-valuenow={height}
        aria-valuemin={160}
        aria-valuemax={window.innerHeight - 160}
        tabIndex={0}
        onPointerDown={(event) => resize(event.clientY)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowUp') setHeight((now) => Math.min(window.innerHeight - 160, now + 24));
          if (event.key === 'ArrowDown') setHeight((now) => Math.max(160, now - 24));
        }}
      />
      <div className={styles.write}>
        <header className={styles.head}>
          <h2>{dataset ? dataset.label : t('sql.newQuery')}</h2>
          <span className="dim truncate">{connection}</span>
          <span className={styles.grow} />
          {run.isPending ? (
            <Button variant="default" onClick={() => abort.current?.abort()}>
              {t('actions.cancel')}
            </Button>
          ) : null}
          <Button
            leftSection={<IconPlayerPlay size={14} stroke={1.75} />}
            onClick={start}
            loading={run.isPending}
            title="Ctrl+Enter"
          >
            {t('sql.run')}
          </Button>
          <IconButton icon={IconX} label={t('sql.close')} onClick={() => openSql(null)} />
        </header>
        <div className={styles.editor}>
          <Suspense fallback={<Skeleton height="100%" />}>
            <SqlEditor
              value={text}
              onChange={setText}
              onRun={start}
              connection={connection}
              label={t('sql.editor')}
              problem={problem && range ? { ...range, message: problem.message } : null}
            />
          </Suspense>
        </div>
      </div>
      <div className={styles.results} aria-live="polite" aria-busy={run.isPending}>
        {run.isPending ? (
          <div style={{ padding: 12 }}>
            <Skeleton height={24} mb={8} />
            <Skeleton height={160} />
          </div>
        ) : problem ? (
          <div className={styles.problem}>
            <ErrorState
              error={problem}
              title={range ? t('sql.errorAt', positionOf(text, range.from)) : t('sql.error')}
              isCompact
            />
          </div>
        ) : run.data ? (
          <>
            <p className={`${styles.summary} numbers`}>
              {rows.length >= PREVIEW_ROWS
                ? t('sql.firstRows', { number: format.number(rows.length) })
                : t('data.rowCount', { count: rows.length, number: format.number(rows.length) })}
              {' · '}
              {format.number(run.data.milliseconds, { maximumFractionDigits: 0 })} ms
              {run.data.geometry ? '' : ` · ${t('sql.noGeometry')}`}
            </p>
            <div className={styles.grid}>
              <DataGrid
                label={t('sql.results')}
                columns={columns}
                rowCount={rows.length}
                rowAt={(at) => rows[at]}
                columnWidth={150}
              />
            </div>
          </>
        ) : (
          <EmptyState
            icon={IconDatabaseSearch}
            title={t('sql.emptyTitle')}
            text={t('sql.emptyText')}
            isCompact
          />
        )}
      </div>
    </section>
  );
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
