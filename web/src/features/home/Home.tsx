// Where a person lands: recent maps, and the first steps.
import { Button, Skeleton } from '@mantine/core';
import { IconCode, IconDatabase, IconFileImport, IconMap2, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { createMap, mapsQuery } from '../../api/maps';
import { meQuery } from '../../api/session';
import { pictureOf } from '../../lib/map-pictures';
import { basemapFor } from '../../map/basemaps';
import { newDocument } from '../../map/document/create';
import { contentOf } from '../../map/document/repair';
import { paths } from '../../paths';
import type { Icon } from '../../ui/IconButton';
import { MapCard } from '../../ui/MapCard';
import { Page } from '../../ui/Page';
import { EmptyState, ErrorState } from '../../ui/States';
import { showProblem } from '../../ui/toasts';
import { useFormat } from '../../ui/useFormat';
import { useScheme } from '../../ui/useScheme';
import styles from './Home.module.css';

const RECENT = 6;

type StepProps = { icon: Icon; title: string; text: string; to: string };

function Step({ icon: Shape, title, text, to }: StepProps) {
  return (
    <Link to={to} className={styles.step!}>
      <span className={styles.stepIcon}>
        <Shape size={20} stroke={1.5} />
      </span>
      <span>
        <strong>{title}</strong>
        <span className={styles.stepText}>{text}</span>
      </span>
    </Link>
  );
}

export function Home() {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const scheme = useScheme();
  const { data: me } = useQuery(meQuery);
  const maps = useInfiniteQuery(mapsQuery(''));
  const create = useMutation({
    mutationFn: () => createMap(contentOf(newDocument(t('maps.untitled'), basemapFor(scheme)))),
    onSuccess: (map) => navigate({ to: paths.builder(map.id) }),
    onError: (error) => showProblem(t('maps.createFailed'), error.message),
  });
  const recent = maps.data?.pages[0]?.items.slice(0, RECENT) ?? [];
  const newMap = (
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
      title={me ? t('home.greeting', { name: me.person.name.split(' ')[0] ?? '' }) : t('nav.home')}
      action={newMap}
    >
      <section aria-labelledby="recent">
        <div className={styles.sectionHead}>
          <h2 id="recent">{t('home.recent')}</h2>
          {recent.length ? <Link to={paths.maps}>{t('home.allMaps')}</Link> : null}
        </div>
        {maps.isPending ? (
          <div className={styles.cards}>
            {Array.from({ length: 3 }, (_, at) => (
              <Skeleton key={at} height={172} radius={8} />
            ))}
          </div>
        ) : maps.isError ? (
          <ErrorState error={maps.error} title={t('maps.listFailed')} onRetry={() => void maps.refetch()} />
        ) : recent.length === 0 ? (
          <div className={styles.empty}>
            <EmptyState icon={IconMap2} title={t('home.emptyTitle')} text={t('home.emptyText')}>
              <Button component={Link} to={paths.data} variant="default">
                {t('home.browseData')}
              </Button>
              {newMap}
            </EmptyState>
          </div>
        ) : (
          <div className={styles.cards}>
            {recent.map((map) => (
              <MapCard
                key={map.id}
                title={map.title || t('maps.untitled')}
                to={paths.builder(map.id)}
                seed={map.id}
                picture={pictureOf(map.id)}
                detail={t('maps.changed', { when: format.relative(map.updated_at) })}
                badge={map.privacy === 'public' ? t('maps.public') : null}
              />
            ))}
          </div>
        )}
      </section>
      <section aria-labelledby="start" className={styles.start}>
        <div className={styles.sectionHead}>
          <h2 id="start">{t('home.start')}</h2>
        </div>
        <div className={styles.steps}>
          <Step
            icon={IconDatabase}
            title={t('home.stepDemo')}
            text={t('home.stepDemoText')}
            to={paths.data}
          />
          <Step
            icon={IconFileImport}
            title={t('home.stepImport')}
            text={t('home.stepImportText')}
            to={paths.data}
          />
          <Step
            icon={IconCode}
            title={t('home.stepApi')}
            text={t('home.stepApiText')}
            to={paths.developers}
          />
        </div>
      </section>
    </Page>
  );
}
