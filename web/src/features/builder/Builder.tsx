// The builder: opens a map for editing and lays out its parts.
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type MapRecord, mapQuery } from '../../api/maps';
import { useDocumentTitle } from '../../ui/Page';
import { ErrorState } from '../../ui/States';
import styles from './Builder.module.css';
import { ConflictDialog } from './ConflictDialog';
import { EditorContext, useDocument, useEditorStore } from './context';
import { createEditor } from './editor';
import { Workbench } from './Workbench';

function Open({ map }: { map: MapRecord }) {
  const [store] = useState(() => createEditor(map));
  return (
    <EditorContext value={store}>
      <SaveOnLeave />
      <Title />
      <Workbench />
      <ConflictDialog />
    </EditorContext>
  );
}

function Title() {
  const { t } = useTranslation();
  const { title } = useDocument();
  useDocumentTitle(title || t('maps.untitled'));
  return <h1 className="visually-hidden">{title || t('maps.untitled')}</h1>;
}

/** Leaving the page saves what waits; closing the window asks when that is not possible any more. */
function SaveOnLeave() {
  const store = useEditorStore();
  useEffect(() => {
    const onUnload = (event: BeforeUnloadEvent) => {
      const { save } = store.getState();
      if (save.kind === 'saved') return;
      void store.getState().saveNow();
      if (save.kind !== 'conflict') event.preventDefault();
    };
    window.addEventListener('beforeunload', onUnload);
    return () => {
      window.removeEventListener('beforeunload', onUnload);
      void store.getState().saveNow();
    };
  }, [store]);
  return null;
}

export function Builder() {
  const { t } = useTranslation();
  const { id } = useParams({ from: '/shell/builder/$id' });
  const map = useQuery({ ...mapQuery(id), refetchOnMount: 'always', refetchOnReconnect: false });
  if (map.isPending || (map.isFetching && !map.isFetchedAfterMount)) {
    return (
      <div className={styles.waiting} aria-busy="true">
        <Skeleton height={48} radius={0} />
        <div>
          <Skeleton width={320} height="100%" radius={0} />
        </div>
      </div>
    );
  }
  if (map.isError) {
    return (
      <div style={{ padding: 24 }}>
        <h1 className="visually-hidden">{t('builder.failed')}</h1>
        <ErrorState error={map.error} title={t('builder.failed')} onRetry={() => void map.refetch()} />
      </div>
    );
  }
  return <Open key={id} map={map.data} />;
}
