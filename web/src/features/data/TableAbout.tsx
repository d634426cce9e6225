// What is known of a table: where it comes from, its geometry, its age, how to reach it by code.
import { CopyButton } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Table } from '../../api/connections';
import { partsOf } from '../../map/MapControls';
import { IconButton } from '../../ui/IconButton';
import { useFormat } from '../../ui/useFormat';
import { geometryWord } from './geometryWord';
import styles from './TablePage.module.css';

export function TableAbout({ connection, table }: { connection: string; table: Table }) {
  const { t } = useTranslation();
  const format = useFormat();
  const address = `${connection}.${table.name}`;
  const facts: [string, React.ReactNode][] = [
    [
      t('about.attribution'),
      table.attribution
        ? partsOf(table.attribution).map((part, at) =>
            part.href ? (
              <a key={at} href={part.href} target="_blank" rel="noreferrer">
                {part.text}
              </a>
            ) : (
              <span key={at}>{part.text}</span>
            ),
          )
        : t('about.noAttribution'),
    ],
    [t('about.description'), table.description],
    [
      t('about.geometry'),
      table.geometry
        ? `${table.geometry.column} (${t(`geometry.${geometryWord(table.geometry.type)}`)})`
        : t('geometry.none'),
    ],
    [t('about.crs'), table.geometry?.crs],
    [
      t('about.bounds'),
      table.geometry?.bounds
        ? table.geometry.bounds
            .map((degree) => format.number(degree, { maximumFractionDigits: 4 }))
            .join('  ')
        : null,
    ],
    [t('about.rows'), table.rows === null ? null : format.number(table.rows)],
    [t('about.size'), table.bytes ? format.bytes(table.bytes) : null],
    [
      t('about.created'),
      table.created_at ? (
        <span key="created" title={format.exactTime(table.created_at)}>
          {format.dateTime(table.created_at)}
        </span>
      ) : null,
    ],
    [
      t('about.changed'),
      table.updated_at ? (
        <span key="changed" title={format.exactTime(table.updated_at)}>
          {format.dateTime(table.updated_at)}
        </span>
      ) : null,
    ],
    [
      t('about.inSql'),
      <span key="sql" style={{ display: 'inline-flex', alignItems: 'center', gap: 4 }}>
        <code>{address}</code>
        <CopyButton value={address}>
          {({ copied, copy }) => (
            <IconButton
              icon={copied ? IconCheck : IconCopy}
              label={copied ? t('actions.copied') : t('data.copyName')}
              onClick={copy}
              size={24}
            />
          )}
        </CopyButton>
      </span>,
    ],
  ];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={t('data.tabAbout')}>
      <dl className={styles.facts}>
        {facts
          .filter(([, value]) => value !== null && value !== undefined && value !== '')
          .map(([name, value]) => [
            <dt key={`${name}-name`}>{name}</dt>,
            <dd key={`${name}-value`}>{value}</dd>,
          ])}
      </dl>
    </div>
  );
}
