// All maps of the organisation: find, open, create, duplicate, delete.
import { Button, Menu, SegmentedControl, Skeleton, TextInput } from '@mantine/core';
import { useDebouncedValue, useLocalStorage } from '@mantine/hooks';
import {
  IconCopy,
  IconDots,
  IconExternalLink,
  IconLayoutGrid,
  IconList,
  IconMap2,
  IconPlus,
  IconSearch,
  IconTrash,
} from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { createMap, deleteMap, duplicateMap, type MapSummary, mapsQuery } from '../../api/maps';
import { pictureOf } from '../../lib/map-pictures';
import { basemapFor } from '../../map/basemaps';
import { newDocument } from '../../map/document/create';
import { contentOf } from '../../map/document/repair';
import { paths } from '../../paths';
import { type Action, useActions } from '../../ui/actions';
import { Confirm } from '../../ui/Confirm';
import { IconButton } from '../../ui/IconButton';
import { MapCard } from '../../ui/MapCard';
import { Page } from '../../ui/Page';
import { EmptyState, ErrorState } from '../../ui/States';
import { showProblem, showToast } from '../../ui/toasts';
import { useFormat } from '../../ui/useFormat';
import { useScheme } from '../../ui/useScheme';
import styles from './Maps.module.css';

function RowMenu({
  map,
  onDuplicate,
  onDelete,
}: {
  map: MapSummary;
  onDuplicate: () => void;
  onDelete: () => void;
}) {
  const { t } = useTranslation();
  return (
    <Menu width={190}>
      <Menu.Target>
        <IconButton icon={IconDots} label={t('maps.actionsFor', { title: map.title })} />
      </Menu.Target>
      <Menu.Dropdown>
        {map.privacy === 'public' ? (
          <Menu.Item
            component="a"
            href={paths.viewer(map.id)}
            target="_blank"
            leftSection={<IconExternalLink size={16} stroke={1.5} />}
          >
            {t('maps.openPublic')}
          </Menu.Item>
        ) : null}
        <Menu.Item leftSection={<IconCopy size={16} stroke={1.5} />} onClick={onDuplicate}>
          {t('actions.duplicate')}
        </Menu.Item>
        <Menu.Item leftSection={<IconTrash size={16} stroke={1.5} />} onClick={onDelete}>
          {t('actions.delete')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Maps() {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const scheme = useScheme();
  const queries = useQueryClient();
  const [typed, setTyped] = useState('');
  const [search] = useDebouncedValue(typed.trim(), 200);
  const [view, setView] = useLocalStorage<'table' | 'cards'>({
    key: 'groma-maps-view',
    defaultValue: 'table',
  });
  const [doomed, setDoomed] = useState<MapSummary | null>(null);
  const maps = useInfiniteQuery(mapsQuery(search));
  const items = maps.data?.pages.flatMap((page) => page.items) ?? [];
  const refresh = () => queries.invalidateQueries({ queryKey: ['maps', 'list'] });

  const create = useMutation({
    mutationFn: () => createMap(contentOf(newDocument(t('maps.untitled'), basemapFor(scheme)))),
    onSuccess: (map) => navigate({ to: paths.builder(map.id) }),
    onError: (error) => showProblem(t('maps.createFailed'), error.message),
  });
  const duplicate = useMutation({
    mutationFn: (map: MapSummary) => duplicateMap(map.id, t('maps.copyOf', { title: map.title })),
    onSuccess: async (map) => {
      await refresh();
      showToast({
        message: <Link to={paths.builder(map.id)}>{t('maps.duplicated', { title: map.title })}</Link>,
      });
    },
    onError: (error) => showProblem(t('maps.duplicateFailed'), error.message),
  });
  const remove = useMutation({
    mutationFn: (map: MapSummary) => deleteMap(map.id),
    onSuccess: async (_nothing, map) => {
      setDoomed(null);
      await refresh();
      showToast({ message: t('maps.deleted', { title: map.title }) });
    },
    onError: (error) => showProblem(t('maps.deleteFailed'), error.message),
  });

  const { mutate: createNew } = create;
  const actions = useMemo(
    (): Action[] => [
      {
        id: 'new-map',
        label: t('maps.new'),
        group: t('commands.here'),
        icon: IconPlus,
        shortcut: 'N',
        perform: () => createNew(),
      },
    ],
    [t, createNew],
  );
  useActions('maps', actions);

  const menu = (map: MapSummary) => (
    <RowMenu map={map} onDuplicate={() => duplicate.mutate(map)} onDelete={() => setDoomed(map)} />
  );
  const state = (map: MapSummary) =>
    map.privacy === 'public'
      ? map.has_unpublished_changes
        ? t('maps.publicChanged')
        : t('maps.public')
      : t('maps.private');

  const newButton = (
    <Button
      leftSection={<IconPlus size={16} stroke={1.5} />}
      loading={create.isPending}
      onClick={() => create.mutate()}
    >
      {t('maps.new')}
    </Button>
  );

  return (
    <Page
      title={t('nav.maps')}
      count={maps.data && !maps.hasNextPage ? format.number(items.length) : null}
      action={newButton}
      toolbar={
        <>
          <TextInput
            className={styles.search!}
            leftSection={<IconSearch size={16} stroke={1.5} />}
            placeholder={t('maps.search')}
            aria-label={t('maps.search')}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          <SegmentedControl
            aria-label={t('maps.view')}
            value={view}
            onChange={(value) => setView(value as 'table' | 'cards')}
            data={[
              {
                value: 'table',
                label: <ViewLabel icon={<IconList size={16} stroke={1.5} />} text={t('maps.viewTable')} />,
              },
              {
                value: 'cards',
                label: (
                  <ViewLabel icon={<IconLayoutGrid size={16} stroke={1.5} />} text={t('maps.viewCards')} />
                ),
              },
            ]}
          />
        </>
      }
    >
      {maps.isPending ? (
        <div className={styles.skeletons}>
          {Array.from({ length: 6 }, (_, at) => (
            <Skeleton key={at} height={40} />
          ))}
        </div>
      ) : maps.isError ? (
        <ErrorState error={maps.error} title={t('maps.listFailed')} onRetry={() => void maps.refetch()} />
      ) : items.length === 0 ? (
        search ? (
          <EmptyState icon={IconSearch} title={t('maps.noMatch', { search })} />
        ) : (
          <EmptyState icon={IconMap2} title={t('home.emptyTitle')} text={t('home.emptyText')}>
            {newButton}
          </EmptyState>
        )
      ) : view === 'cards' ? (
        <div className={styles.cards}>
          {items.map((map) => (
            <MapCard
              key={map.id}
              title={map.title || t('maps.untitled')}
              to={paths.builder(map.id)}
              seed={map.id}
              picture={pictureOf(map.id)}
              detail={t('maps.changed', { when: format.relative(map.updated_at) })}
              badge={map.privacy === 'public' ? t('maps.public') : null}
              menu={menu(map)}
            />
          ))}
        </div>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th>{t('maps.columnTitle')}</th>
              <th className={styles.wide}>{t('maps.columnOwner')}</th>
              <th>{t('maps.columnState')}</th>
              <th className={styles.wide}>{t('maps.columnChanged')}</th>
              <th>
                <span className="visually-hidden">{t('maps.columnActions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((map) => (
              <tr key={map.id}>
                <td>
                  <Link to={paths.builder(map.id)} className={`${styles.link} truncate`}>
                    {map.title || t('maps.untitled')}
                  </Link>
                </td>
                <td className={`${styles.wide} dim`}>{map.owner?.name ?? ''}</td>
                <td className="dim">{state(map)}</td>
                <td className={`${styles.wide} dim`} title={format.exactTime(map.updated_at)}>
                  {format.relative(map.updated_at)}
                </td>
                <td className={styles.menuCell}>{menu(map)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {maps.hasNextPage ? (
        <Button
          variant="default"
          mt={16}
          loading={maps.isFetchingNextPage}
          onClick={() => void maps.fetchNextPage()}
        >
          {t('actions.more')}
        </Button>
      ) : null}
      <Confirm
        isOpen={doomed !== null}
        title={t('maps.deleteTitle', { title: doomed?.title ?? '' })}
        confirm={t('maps.deleteConfirm')}
        isBusy={remove.isPending}
        onConfirm={() => doomed && remove.mutate(doomed)}
        onClose={() => setDoomed(null)}
      >
        <p>{doomed?.privacy === 'public' ? t('maps.deletePublicText') : t('maps.deleteText')}</p>
      </Confirm>
    </Page>
  );
}

function ViewLabel({ icon, text }: { icon: React.ReactNode; text: string }) {
  return (
    <span style={{ display: 'inline-flex', alignItems: 'center', gap: 6 }}>
      {icon}
      {text}
    </span>
  );
}
