// Ctrl-K: every page, every action of the open page, every map and table by name.
import { Spotlight, spotlight } from '@mantine/spotlight';
import { IconMap2, IconSearch, IconTable } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { tablesQuery } from '../../api/connections';
import { mapsQuery } from '../../api/maps';
import { paths } from '../../paths';
import { type Action, allActions, useRegistry } from '../../ui/actions';
import { Keys } from '../../ui/Keys';
import styles from './CommandPalette.module.css';

export const openPalette = () => spotlight.open();

const DEFAULT_CONNECTION = 'carto_dw';

function Rows({ title, actions }: { title: string; actions: Action[] }) {
  if (actions.length === 0) return null;
  return (
    <Spotlight.ActionsGroup label={title}>
      {actions.map((action) => {
        const Shape = action.icon;
        return (
          <Spotlight.Action
            key={action.id}
            disabled={Boolean(action.disabledReason)}
            onClick={action.perform}
            className={styles.row!}
          >
            <Shape size={16} stroke={1.5} />
            <span className={styles.label}>{action.label}</span>
            {action.disabledReason ? <span className="dim">{action.disabledReason}</span> : null}
            {action.shortcut ? <Keys shortcut={action.shortcut} /> : null}
          </Spotlight.Action>
        );
      })}
    </Spotlight.ActionsGroup>
  );
}

/** Lives inside the palette: what is searched is only loaded while it is open. */
function Results({ query }: { query: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const sets = useRegistry((state) => state.sets);
  const maps = useInfiniteQuery(mapsQuery(query));
  const tables = useInfiniteQuery(tablesQuery(DEFAULT_CONNECTION, { search: query }));

  const wanted = query.trim().toLowerCase();
  const actions = allActions(sets).filter(
    (action) => action.id !== 'palette' && action.label.toLowerCase().includes(wanted),
  );
  const groups = [...new Set(actions.map((action) => action.group))].map(
    (group) => [group, actions.filter((action) => action.group === group)] as const,
  );
  const mapRows = (maps.data?.pages[0]?.items ?? []).slice(0, 6).map(
    (map): Action => ({
      id: `map-${map.id}`,
      label: map.title,
      group: '',
      icon: IconMap2,
      perform: () => void navigate({ to: paths.builder(map.id) }),
    }),
  );
  const tableRows = (tables.data?.pages[0]?.items ?? []).slice(0, 6).map(
    (table): Action => ({
      id: `table-${table.name}`,
      label: table.name,
      group: '',
      icon: IconTable,
      perform: () => void navigate({ to: paths.table(DEFAULT_CONNECTION, table.name) }),
    }),
  );
  const isEmpty = actions.length + mapRows.length + tableRows.length === 0;

  return (
    <>
      {groups.map(([group, list]) => (
        <Rows key={group} title={group} actions={list} />
      ))}
      <Rows title={t('nav.maps')} actions={mapRows} />
      <Rows title={t('commands.tables')} actions={tableRows} />
      {isEmpty && !maps.isPending && !tables.isPending ? (
        <Spotlight.Empty>{t('commands.nothing', { query })}</Spotlight.Empty>
      ) : null}
    </>
  );
}

export function CommandPalette() {
  const { t } = useTranslation();
  const [query, setQuery] = useState('');
  const [isOpen, setOpen] = useState(false);
  return (
    <Spotlight.Root
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      scrollable
      maxHeight={440}
      size={560}
      overlayProps={{ blur: 0, backgroundOpacity: 0.35 }}
      onSpotlightOpen={() => setOpen(true)}
      onSpotlightClose={() => setOpen(false)}
    >
      <Spotlight.Search
        placeholder={t('commands.placeholder')}
        aria-label={t('commands.placeholder')}
        leftSection={<IconSearch size={18} stroke={1.5} />}
      />
      <Spotlight.ActionsList>{isOpen ? <Results query={query} /> : null}</Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
