// The parts of an open map side by side: layers or style left, map right, SQL below, and their shortcuts.
import { Button } from '@mantine/core';
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconCode,
  IconLayoutSidebar,
  IconPlus,
  IconShare,
  IconStack2,
} from '@tabler/icons-react';
import { useCallback, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { TileActivity } from '../../map/activity';
import { layersOf } from '../../map/document/edit';
import { LayerPainter } from '../../map/layers';
import type { MapHandle } from '../../map/MapCanvas';
import { useSources } from '../../map/sources';
import { type Action, useActions } from '../../ui/actions';
import { IconButton } from '../../ui/IconButton';
import { EmptyState } from '../../ui/States';
import { AddSource } from './AddSource';
import styles from './Builder.module.css';
import { useDocument, useEditor, useEditorStore } from './context';
import { LayersPanel } from './LayersPanel';
import { ShareDialog } from './ShareDialog';
import { SqlPanel } from './SqlPanel';
import { Stage } from './Stage';
import { StylePanel } from './StylePanel';
import { TopBar } from './TopBar';

const SESSION = { token: null };

export function Workbench() {
  const { t } = useTranslation();
  const store = useEditorStore();
  const document = useDocument();
  const selected = useEditor((editor) => editor.selectedLayer);
  const sqlFor = useEditor((editor) => editor.sqlFor);
  const [isAdding, setAdding] = useState(false);
  const [isSharing, setSharing] = useState(false);
  const [isCollapsed, setCollapsed] = useState(false);
  const map = useRef<MapHandle>(null);
  const [activity] = useState(() => new TileActivity());
  const [painter] = useState(() => new LayerPainter(activity, SESSION));
  const sources = useSources(document.datasets, layersOf(document), document.config.filters, SESSION);
  const layer = layersOf(document).find((one) => one.id === selected) ?? null;
  const isEmpty = layersOf(document).length === 0;

  const share = useCallback(() => {
    if (layersOf(store.getState().history.present).length > 0) setSharing(true);
  }, [store]);

  const actions = useMemo((): Action[] => {
    const group = t('builder.group');
    const { undo, redo, openSql, select } = store.getState();
    return [
      {
        id: 'add-layer',
        label: t('layers.add'),
        group,
        icon: IconPlus,
        shortcut: 'A',
        perform: () => setAdding(true),
      },
      {
        id: 'new-query',
        label: t('sql.newQuery'),
        group,
        icon: IconCode,
        shortcut: 'Q',
        perform: () => openSql('new'),
      },
      {
        id: 'show-layers',
        label: t('layers.title'),
        group,
        icon: IconStack2,
        shortcut: 'L',
        perform: () => select(null),
      },
      {
        id: 'toggle-panel',
        label: t('builder.togglePanel'),
        group,
        icon: IconLayoutSidebar,
        shortcut: 'Mod+B',
        perform: () => setCollapsed((now) => !now),
      },
      {
        id: 'undo',
        label: t('builder.undo'),
        group,
        icon: IconArrowBackUp,
        shortcut: 'Mod+Z',
        perform: undo,
      },
      {
        id: 'redo',
        label: t('builder.redo'),
        group,
        icon: IconArrowForwardUp,
        shortcut: 'Mod+Shift+Z',
        perform: redo,
      },
      { id: 'share', label: t('share.action'), group, icon: IconShare, perform: share },
    ];
  }, [t, store, share]);
  useActions('builder', actions);

  return (
    <div className={styles.bench}>
      <TopBar onShare={share} />
      <div className={styles.body} data-collapsed={isCollapsed || undefined}>
        <aside className={styles.panel} aria-label={t('builder.panel')} hidden={isCollapsed}>
          {layer ? (
            <StylePanel key={layer.id} layer={layer} sources={sources} />
          ) : (
            <LayersPanel
              sources={sources}
              activity={activity}
              onAdd={() => setAdding(true)}
              onCollapse={() => setCollapsed(true)}
              onFit={(bounds) => map.current?.fit(bounds)}
            />
          )}
        </aside>
        <div className={styles.stage}>
          <div className={styles.mapArea}>
            <Stage handle={map} sources={sources} painter={painter} />
            {isCollapsed ? (
              <div className={styles.collapse}>
                <IconButton
                  icon={IconLayoutSidebar}
                  label={t('builder.showPanel')}
                  shortcut="Mod+B"
                  onClick={() => setCollapsed(false)}
                  size={32}
                />
              </div>
            ) : null}
            {isEmpty && !isAdding && sqlFor === null ? (
              <div className={styles.emptyMap}>
                <EmptyState icon={IconStack2} title={t('builder.emptyTitle')} text={t('builder.emptyText')}>
                  <Button
                    variant="default"
                    leftSection={<IconCode size={16} stroke={1.5} />}
                    onClick={() => store.getState().openSql('new')}
                  >
                    {t('sql.newQuery')}
                  </Button>
                  <Button leftSection={<IconPlus size={16} stroke={1.5} />} onClick={() => setAdding(true)}>
                    {t('layers.addTable')}
                  </Button>
                </EmptyState>
              </div>
            ) : null}
          </div>
          {sqlFor !== null ? (
            <SqlPanel key={sqlFor} datasetId={sqlFor} onFit={(bounds) => map.current?.fit(bounds)} />
          ) : null}
        </div>
      </div>
      <AddSource
        isOpen={isAdding}
        onClose={() => setAdding(false)}
        onFit={(bounds) => map.current?.fit(bounds)}
      />
      <ShareDialog isOpen={isSharing} onClose={() => setSharing(false)} />
    </div>
  );
}
