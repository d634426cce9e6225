// Connections, their schemas and tables; search over all of them; bookmarks on top.
import { Button, Skeleton, TextInput } from '@mantine/core';
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import {
  IconChevronRight,
  IconDatabase,
  IconFileImport,
  IconSearch,
  IconStarFilled,
  IconX,
} from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { connectionsQuery, schemasQuery, type TableSummary, tablesQuery } from '../../api/connections';
import { drawnAs } from '../../map/document/create';
import { paths } from '../../paths';
import { GeometryIcon } from '../../ui/GeometryIcon';
import { IconButton } from '../../ui/IconButton';
import { ErrorState } from '../../ui/States';
import { useFormat } from '../../ui/useFormat';
import { useChooseFile } from './importing';
import styles from './Tree.module.css';

function TableLink({
  connection,
  table,
  isQualified,
}: {
  connection: string;
  table: TableSummary;
  isQualified?: boolean;
}) {
  const format = useFormat();
  return (
    <li>
      <Link
        to={paths.table(connection, table.name)}
        className={styles.table!}
        activeProps={{ 'data-active': true }}
        activeOptions={{ includeSearch: false }}
        title={table.name}
      >
        <GeometryIcon geometry={drawnAs(table.geometry_type)} />
        <span className={`${styles.tableName} truncate`}>{isQualified ? table.name : table.table}</span>
        {table.bookmarked ? <IconStarFilled size={12} className={styles.star!} /> : null}
        <span className={styles.rows}>{table.rows === null ? '' : format.compact(table.rows)}</span>
      </Link>
    </li>
  );
}

type ListProps = {
  connection: string;
  filter: { schema?: string; search?: string };
  isQualified?: boolean;
  empty: string;
};

function TableList({ connection, filter, isQualified, empty }: ListProps) {
  const { t } = useTranslation();
  const tables = useInfiniteQuery(tablesQuery(connection, filter));
  if (tables.isPending) {
    return (
      <div className={styles.skeletons}>
        {Array.from({ length: 4 }, (_, at) => (
          <Skeleton key={at} height={18} />
        ))}
      </div>
    );
  }
  if (tables.isError) {
    return (
      <ErrorState
        error={tables.error}
        title={t('data.listFailed')}
        onRetry={() => void tables.refetch()}
        isCompact
      />
    );
  }
  const items = tables.data.pages.flatMap((page) => page.items);
  if (items.length === 0) return <p className={styles.empty}>{empty}</p>;
  return (
    <ul className={styles.list}>
      {items.map((table) => (
        <TableLink
          key={table.name}
          connection={connection}
          table={table}
          {...(isQualified ? { isQualified } : {})}
        />
      ))}
      {tables.hasNextPage ? (
        <li>
          <button type="button" className={styles.more} onClick={() => void tables.fetchNextPage()}>
            {t('actions.more')}
          </button>
        </li>
      ) : null}
    </ul>
  );
}

function SchemaNode({
  connection,
  name,
  count,
  isOpenFirst,
}: {
  connection: string;
  name: string;
  count: number;
  isOpenFirst: boolean;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const [isOpen, setOpen] = useState(isOpenFirst);
  return (
    <li>
      <button type="button" className={styles.schema} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <IconChevronRight
          size={14}
          stroke={1.75}
          style={{ transform: isOpen ? 'rotate(90deg)' : undefined }}
        />
        <span className="truncate">{name}</span>
        <span className={styles.rows}>{format.number(count)}</span>
      </button>
      {isOpen ? (
        <TableList connection={connection} filter={{ schema: name }} empty={t('data.emptySchema')} />
      ) : null}
    </li>
  );
}

function Bookmarks({ connection }: { connection: string }) {
  const { t } = useTranslation();
  const tables = useInfiniteQuery(tablesQuery(connection, {}));
  const marked = (tables.data?.pages ?? []).flatMap((page) => page.items).filter((table) => table.bookmarked);
  if (marked.length === 0) return null;
  return (
    <section aria-label={t('data.bookmarks')} className={styles.bookmarks}>
      <h2 className={styles.label}>{t('data.bookmarks')}</h2>
      <ul className={styles.list}>
        {marked.map((table) => (
          <TableLink key={table.name} connection={connection} table={table} isQualified />
        ))}
      </ul>
    </section>
  );
}

function ConnectionNode({ name }: { name: string }) {
  const { t } = useTranslation();
  const schemas = useQuery(schemasQuery(name));
  if (schemas.isPending) {
    return (
      <div className={styles.skeletons}>
        {Array.from({ length: 3 }, (_, at) => (
          <Skeleton key={at} height={18} />
        ))}
      </div>
    );
  }
  if (schemas.isError) {
    return (
      <ErrorState
        error={schemas.error}
        title={t('data.listFailed')}
        onRetry={() => void schemas.refetch()}
        isCompact
      />
    );
  }
  return (
    <ul className={styles.list}>
      {schemas.data.map((schema) => (
        <SchemaNode
          key={schema.name}
          connection={name}
          name={schema.name}
          count={schema.tables}
          isOpenFirst={schema.tables > 0 && (schema.name === 'demo' || schemas.data.length <= 3)}
        />
      ))}
    </ul>
  );
}

export function Tree() {
  const { t } = useTranslation();
  const chooseFile = useChooseFile();
  const connections = useQuery(connectionsQuery);
  const { table } = useParams({ strict: false });
  const isNarrow = useMediaQuery('(max-width: 760px)') ?? false;
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const [search] = useDebouncedValue(typed.trim(), 200);
  const first = connections.data?.[0];
  const isShown = !isNarrow || isOpen || !table;

  return (
    <nav className={styles.tree} aria-label={t('data.tree')} data-open={isShown || undefined}>
      <div className={styles.head}>
        <h2 className={styles.title}>{t('nav.data')}</h2>
        <Button
          variant="default"
          leftSection={<IconFileImport size={16} stroke={1.5} />}
          onClick={chooseFile}
        >
          {t('imports.action')}
        </Button>
      </div>
      <div className={styles.search}>
        <TextInput
          leftSection={<IconSearch size={16} stroke={1.5} />}
          rightSection={
            typed ? (
              <IconButton icon={IconX} label={t('data.clearSearch')} onClick={() => setTyped('')} size={22} />
            ) : null
          }
          placeholder={t('data.search')}
          aria-label={t('data.search')}
          value={typed}
          onFocus={() => setOpen(true)}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      </div>
      {isShown ? (
        // biome-ignore lint/a11y/noStaticElementInteractions: choosing a link closes the list on phones
        // biome-ignore lint/a11y/useKeyWithClickEvents: Enter on a link is a click
        <div
          className={styles.scroll}
          onClick={(event) => {
            if (isNarrow && (event.target as HTMLElement).closest('a')) setOpen(false);
          }}
        >
          {connections.isError ? (
            <ErrorState
              error={connections.error}
              title={t('data.listFailed')}
              onRetry={() => void connections.refetch()}
              isCompact
            />
          ) : search && first ? (
            <TableList
              connection={first.code}
              filter={{ search }}
              isQualified
              empty={t('data.noMatch', { search })}
            />
          ) : (
            <>
              {first ? <Bookmarks connection={first.code} /> : null}
              {connections.isPending ? <Skeleton height={24} m={12} /> : null}
              {connections.data?.map((connection) => (
                <section key={connection.id} aria-label={connection.name}>
                  <h2 className={styles.connection}>
                    <IconDatabase size={16} stroke={1.5} />
                    {connection.name}
                  </h2>
                  <ConnectionNode name={connection.code} />
                </section>
              ))}
            </>
          )}
        </div>
      ) : null}
    </nav>
  );
}
