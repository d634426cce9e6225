// The frame of the workspace: the rail of places, and the page beside it.
import { Tooltip } from '@mantine/core';
import { IconCode, IconDatabase, IconHelp, IconHome, IconMap2, IconSearch } from '@tabler/icons-react';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { paths } from '../../paths';
import { type Action, useActions, useShortcuts } from '../../ui/actions';
import { type Icon, IconButton } from '../../ui/IconButton';
import { Mark } from '../../ui/Mark';
import { CommandPalette, openPalette } from './CommandPalette';
import { PersonMenu } from './PersonMenu';
import styles from './Shell.module.css';
import { ShortcutSheet } from './ShortcutSheet';

type Place = { to: string; label: string; icon: Icon; shortcut: string };

function RailLink({ place }: { place: Place }) {
  const Shape = place.icon;
  return (
    <Tooltip label={place.label} position="right">
      <Link
        to={place.to}
        className={styles.link!}
        activeOptions={{ exact: place.to === '/' }}
        activeProps={{ 'data-active': true }}
        aria-label={place.label}
      >
        <Shape size={20} stroke={1.5} />
        <span className={styles.linkText}>{place.label}</span>
      </Link>
    </Tooltip>
  );
}

export function Shell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [isSheetOpen, setSheetOpen] = useState(false);
  useShortcuts();

  const places = useMemo(
    (): Place[] => [
      { to: paths.home, label: t('nav.home'), icon: IconHome, shortcut: 'Alt+1' },
      { to: paths.maps, label: t('nav.maps'), icon: IconMap2, shortcut: 'Alt+2' },
      { to: paths.data, label: t('nav.data'), icon: IconDatabase, shortcut: 'Alt+3' },
    ],
    [t],
  );
  const developers = useMemo(
    (): Place => ({ to: paths.developers, label: t('nav.developers'), icon: IconCode, shortcut: 'Alt+4' }),
    [t],
  );

  const actions = useMemo(
    (): Action[] => [
      ...[...places, developers].map((place) => ({
        id: `go-${place.to}`,
        label: place.label,
        group: t('commands.groupGo'),
        icon: place.icon,
        shortcut: place.shortcut,
        perform: () => void navigate({ to: place.to }),
      })),
      {
        id: 'palette',
        label: t('commands.palette'),
        group: t('commands.groupHelp'),
        icon: IconSearch,
        shortcut: 'Mod+K',
        perform: openPalette,
      },
      {
        id: 'shortcuts',
        label: t('commands.shortcuts'),
        group: t('commands.groupHelp'),
        icon: IconHelp,
        shortcut: '?',
        perform: () => setSheetOpen(true),
      },
    ],
    [places, developers, t, navigate],
  );
  useActions('shell', actions);

  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        {t('nav.skip')}
      </a>
      <nav className={styles.rail} aria-label={t('nav.label')}>
        <Link to={paths.home} className={styles.mark!} aria-label={t('nav.markLabel')}>
          <Mark size={26} />
        </Link>
        {places.map((place) => (
          <RailLink key={place.to} place={place} />
        ))}
        <div className={styles.space} />
        <RailLink place={developers} />
        <span className={styles.wide}>
          <IconButton
            icon={IconSearch}
            label={t('commands.palette')}
            shortcut="Mod+K"
            onClick={openPalette}
            size={40}
            iconSize={20}
            tooltipSide="right"
          />
        </span>
        <span className={styles.wide}>
          <IconButton
            icon={IconHelp}
            label={t('commands.shortcuts')}
            shortcut="?"
            onClick={() => setSheetOpen(true)}
            size={40}
            iconSize={20}
            tooltipSide="right"
          />
        </span>
        <PersonMenu />
      </nav>
      <main id="content" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
      <CommandPalette />
      <ShortcutSheet isOpen={isSheetOpen} onClose={() => setSheetOpen(false)} />
    </div>
  );
}
