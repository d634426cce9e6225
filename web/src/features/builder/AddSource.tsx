// Adding a layer: choose a table by name, or begin with a query.
import { Button, Modal, Skeleton, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconCode, IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { connectionsQuery, type TableSummary, tableQuery, tablesQuery } from '../../api/connections';
import { drawnAs } from '../../map/document/create';
import { basemapOf, layersOf } from '../../map/document/edit';
import { titleOf, withTable } from '../../map/document/fromTable';
import type { Bounds } from '../../map/MapCanvas';
import { GeometryIcon } from '../../ui/GeometryIcon';
import { EmptyState, ErrorState } from '../../ui/States';
import { showProblem } from '../../ui/toasts';
import { useFormat } from '../../ui/useFormat';
import styles from './AddSource.module.css';
import { useEditorStore } from './context';

type Props = { isOpen: boolean; onClose: () => void; onFit: (bounds: Bounds) => void };

function Picker({ onClose, onFit }: Omit<Props, 'isOpen'>) {
  const { t } = useTranslation();
  const format = useFormat();
  const store = useEditorStore();
  const queries = useQueryClient();
  const [typed, setTyped] = useState('');
  const [search] = useDebouncedValue(typed.trim(), 150);
  const { data: connections } = useQuery(connectionsQuery);
  const connection = connections?.[0]?.code ?? 'carto_dw';
  const tables = useInfiniteQuery(tablesQuery(connection, search ? { search } : {}));
  const items = tables.data?.pages.flatMap((page) => page.items) ?? [];

  const add = useMutation({
    mutationFn: (table: TableSummary) => queries.fetchQuery(tableQuery(connection, table.name)),
    onSuccess: (table) => {
      const before = store.getState().history.present;
      const added = withTable(before, connection, table, basemapOf(before.config));
      if (!added) {
        showProblem(t('layers.addFailed'), t('data.noGeometryReason'));
        return;
      }
      store.getState().apply(t('layers.actAdd', { layer: titleOf(table.name) }), () => added.document);
      if (layersOf(before).length === 0 && table.geometry?.bounds) onFit(table.geometry.bounds);
      onClose();
    },
    onError: (error) => showProblem(t('layers.addFailed'), error.message),
  });

  return (
    <>
      <div className={styles.tools}>
        <TextInput
          size="md"
          data-autofocus
          leftSection={<IconSearch size={16} stroke={1.5} />}
          placeholder={t('data.search')}
          aria-label={t('data.search')}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button
          size="md"
          variant="default"
          leftSection={<IconCode size={16} stroke={1.5} />}
          onClick={() => {
            onClose();
            store.getState().openSql('new');
          }}
        >
          {t('sql.newQuery')}
        </Button>
      </div>
      <div className={styles.list}>
        {tables.isPending ? (
          <div className={styles.skeletons}>
            {Array.from({ length: 7 }, (_, at) => (
              <Skeleton key={at} height={36} />
            ))}
          </div>
        ) : tables.isError ? (
          <ErrorState
            error={tables.error}
            title={t('data.listFailed')}
            onRetry={() => void tables.refetch()}
            isCompact
          />
        ) : items.length === 0 ? (
          <EmptyState
            icon={IconSearch}
            title={search ? t('data.noMatch', { search }) : t('data.noTables')}
            isCompact
          />
        ) : (
          <ul>
            {items.map((table) => {
              const geometry = drawnAs(table.geometry_type);
              const why = table.geometry_type ? null : t('data.noGeometryReason');
              return (
                <li key={table.name}>
                  <button
                    type="button"
                    className={styles.table}
                    aria-disabled={why ? true : undefined}
                    title={why ?? undefined}
                    onClick={() => !why && !add.isPending && add.mutate(table)}
                  >
                    <GeometryIcon geometry={geometry} size={20} />
                    <span className={styles.words}>
                      <span className="truncate">{table.name}</span>
                      <span className="dim truncate">
                        {why ?? table.attribution?.replace(/<[^>]*>/g, '') ?? ''}
                      </span>
                    </span>
                    <span className="dim numbers">
                      {table.rows === null
                        ? ''
                        : t('data.rowCount', { count: table.rows, number: format.compact(table.rows) })}
                    </span>
                  </button>
                </li>
              );
            })}
          </ul>
        )}
        {tables.hasNextPage ? (
          <Button
            variant="subtle"
            fullWidth
            loading={tables.isFetchingNextPage}
            onClick={() => void tables.fetchNextPage()}
          >
            {t('actions.more')}
          </Button>
        ) : null}
      </div>
    </>
  );
}

export function AddSource({ isOpen, onClose, onFit }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={t('layers.add')}
      size={600}
      closeButtonProps={{ 'aria-label': t('actions.close') }}
    >
      {isOpen ? <Picker onClose={onClose} onFit={onFit} /> : null}
    </Modal>
  );
}
