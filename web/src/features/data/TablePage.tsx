// One table: its map, its rows, its columns, and what can be done with it.
import { Button, CopyButton, Menu, Skeleton, Tabs } from '@mantine/core';
import {
  IconCheck,
  IconColumns3,
  IconCopy,
  IconDots,
  IconInfoCircle,
  IconMap,
  IconMapPlus,
  IconStar,
  IconStarFilled,
  IconTable,
  IconTrash,
} from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { setBookmark, type Table, type TableSummary, tableQuery } from '../../api/connections';
import { createMap } from '../../api/maps';
import { basemapFor } from '../../map/basemaps';
import { mapOfTable } from '../../map/document/fromTable';
import { contentOf } from '../../map/document/repair';
import { paths } from '../../paths';
import { type Action, useActions } from '../../ui/actions';
import { IconButton } from '../../ui/IconButton';
import { useDocumentTitle } from '../../ui/Page';
import { ErrorState } from '../../ui/States';
import { showProblem } from '../../ui/toasts';
import { useFormat } from '../../ui/useFormat';
import { useScheme } from '../../ui/useScheme';
import { DeleteTable } from './DeleteTable';
import { geometryWord } from './geometryWord';
import { TableAbout } from './TableAbout';
import { TableColumns } from './TableColumns';
import { TableMap } from './TableMap';
import styles from './TablePage.module.css';
import { TableRows } from './TableRows';

type Pages = { pages: { items: TableSummary[] }[] };

function useBookmark(connection: string, name: string) {
  const queries = useQueryClient();
  const cached = queries
    .getQueriesData<Pages>({ queryKey: ['connections', connection, 'tables'] })
    .flatMap(([, data]) => data?.pages.flatMap((page) => page.items) ?? [])
    .find((table) => table.name === name);
  const [isMarked, setMarked] = useState<boolean | null>(null);
  const now = isMarked ?? cached?.bookmarked ?? false;
  const change = useMutation({
    mutationFn: (next: boolean) => setBookmark(connection, name, next),
    onMutate: (next) => setMarked(next),
    onError: () => setMarked(!now),
    onSettled: () => queries.invalidateQueries({ queryKey: ['connections', connection, 'tables'] }),
  });
  return { isMarked: now, toggle: () => change.mutate(!now) };
}

function Summary({ table }: { table: Table }) {
  const { t } = useTranslation();
  const format = useFormat();
  const parts = [
    table.kind === 'view' ? t('data.view') : null,
    table.rows === null ? null : t('data.rowCount', { count: table.rows, number: format.number(table.rows) }),
    table.bytes ? format.bytes(table.bytes) : null,
    t(`geometry.${geometryWord(table.geometry?.type)}`),
    table.updated_at ? t('maps.changed', { when: format.relative(table.updated_at) }) : null,
  ].filter(Boolean);
  return <div className={`${styles.summary} numbers`}>{parts.join(' · ')}</div>;
}

export function TablePage() {
  const { connection, table: name } = useParams({ from: '/shell/data/$connection/$table' });
  return <OneTable key={`${connection}/${name}`} connection={connection} name={name} />;
}

function OneTable({ connection, name }: { connection: string; name: string }) {
  const { t } = useTranslation();
  useDocumentTitle(name);
  const navigate = useNavigate();
  const scheme = useScheme();
  const { tab } = useSearch({ from: '/shell/data/$connection/$table' });
  const table = useQuery(tableQuery(connection, name));
  const bookmark = useBookmark(connection, name);
  const [isDeleting, setDeleting] = useState(false);

  const create = useMutation({
    mutationFn: (source: Table) => createMap(contentOf(mapOfTable(connection, source, basemapFor(scheme))!)),
    onSuccess: (map) => navigate({ to: paths.builder(map.id) }),
    onError: (error) => showProblem(t('maps.createFailed'), error.message),
  });
  const { mutate } = create;
  const data = table.data;
  const noMap = data && !data.geometry ? t('data.noGeometryReason') : null;

  const actions = useMemo(
    (): Action[] =>
      data
        ? [
            {
              id: 'table-map',
              label: t('data.createMap'),
              group: t('commands.here'),
              icon: IconMapPlus,
              shortcut: 'M',
              disabledReason: noMap,
              perform: () => mutate(data),
            },
          ]
        : [],
    [data, noMap, t, mutate],
  );
  useActions('table', actions);

  if (table.isPending) {
    return (
      <div className={styles.page}>
        <div className={styles.header}>
          <Skeleton height={28} width={220} />
        </div>
        <Skeleton height="60%" m={24} />
      </div>
    );
  }
  if (table.isError) {
    return (
      <div className={styles.page}>
        <h1 className="visually-hidden">{name}</h1>
        <ErrorState
          error={table.error}
          title={t('data.tableFailed', { name })}
          onRetry={() => void table.refetch()}
        />
      </div>
    );
  }

  const shown = tab ?? (table.data.geometry ? 'map' : 'rows');
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div className={styles.titles}>
          <h1 className={styles.title}>
            <span className="truncate" title={name}>
              {name}
            </span>
            <CopyButton value={name}>
              {({ copied, copy }) => (
                <IconButton
                  icon={copied ? IconCheck : IconCopy}
                  label={copied ? t('actions.copied') : t('data.copyName')}
                  onClick={copy}
                />
              )}
            </CopyButton>
            <IconButton
              icon={bookmark.isMarked ? IconStarFilled : IconStar}
              label={t(bookmark.isMarked ? 'data.removeBookmark' : 'data.addBookmark')}
              isActive={bookmark.isMarked}
              onClick={bookmark.toggle}
            />
          </h1>
          <Summary table={table.data} />
        </div>
        <div className={styles.actions}>
          <Button
            leftSection={<IconMapPlus size={16} stroke={1.5} />}
            loading={create.isPending}
            data-disabled={noMap ? true : undefined}
            aria-disabled={noMap ? true : undefined}
            title={noMap ?? undefined}
            onClick={() => !noMap && create.mutate(table.data)}
          >
            {t('data.createMap')}
          </Button>
          <Menu width={180}>
            <Menu.Target>
              <IconButton icon={IconDots} label={t('data.moreFor', { name })} />
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconTrash size={16} stroke={1.5} />} onClick={() => setDeleting(true)}>
                {t('data.delete')}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </div>
      </header>
      <Tabs
        value={shown}
        onChange={(value) =>
          void navigate({
            to: paths.table(connection, name),
            search: { tab: value ?? undefined } as never,
            replace: true,
          })
        }
        className={styles.tabs!}
        keepMounted={false}
      >
        <Tabs.List className={styles.tabList!}>
          {table.data.geometry ? (
            <Tabs.Tab value="map" leftSection={<IconMap size={16} stroke={1.5} />}>
              {t('data.tabMap')}
            </Tabs.Tab>
          ) : null}
          <Tabs.Tab value="rows" leftSection={<IconTable size={16} stroke={1.5} />}>
            {t('data.tabRows')}
          </Tabs.Tab>
          <Tabs.Tab value="columns" leftSection={<IconColumns3 size={16} stroke={1.5} />}>
            {t('data.tabColumns')}
          </Tabs.Tab>
          <Tabs.Tab value="about" leftSection={<IconInfoCircle size={16} stroke={1.5} />}>
            {t('data.tabAbout')}
          </Tabs.Tab>
        </Tabs.List>
        {table.data.geometry ? (
          <Tabs.Panel value="map" className={styles.panel!}>
            <TableMap connection={connection} table={table.data} />
          </Tabs.Panel>
        ) : null}
        <Tabs.Panel value="rows" className={styles.panel!}>
          <TableRows connection={connection} table={table.data} />
        </Tabs.Panel>
        <Tabs.Panel value="columns" className={styles.panel!}>
          <TableColumns connection={connection} table={table.data} />
        </Tabs.Panel>
        <Tabs.Panel value="about" className={styles.panel!}>
          <TableAbout connection={connection} table={table.data} />
        </Tabs.Panel>
      </Tabs>
      <DeleteTable
        connection={connection}
        table={table.data}
        isOpen={isDeleting}
        onClose={() => setDeleting(false)}
      />
    </div>
  );
}
