// The layers of the map, top first: look, hide, move, rename, duplicate, delete.
import { Button, Menu } from '@mantine/core';
import {
  IconArrowDown,
  IconArrowUp,
  IconCode,
  IconCopy,
  IconDots,
  IconEye,
  IconEyeOff,
  IconGripVertical,
  IconLayoutSidebarLeftCollapse,
  IconPencil,
  IconPlus,
  IconStack2,
  IconTrash,
  IconZoomScan,
} from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { hexFromRgb } from '../../lib/color';
import { newId } from '../../lib/id';
import { type TileActivity, useActivity } from '../../map/activity';
import {
  datasetOf,
  duplicateLayer,
  layersOf,
  moveLayer,
  removeLayer,
  renameLayer,
  setVisible,
} from '../../map/document/edit';
import type { Layer } from '../../map/document/types';
import { LayerStatus } from '../../map/LayerStatus';
import { Swatch } from '../../map/Legend';
import { geometryOfTiles } from '../../map/layers';
import type { Bounds } from '../../map/MapCanvas';
import type { SourceState } from '../../map/sources';
import { GeometryIcon } from '../../ui/GeometryIcon';
import { IconButton } from '../../ui/IconButton';
import { EmptyState } from '../../ui/States';
import { showToast } from '../../ui/toasts';
import { useDocument, useEditor } from './context';
import styles from './LayersPanel.module.css';

type RowProps = {
  layer: Layer;
  position: number;
  count: number;
  source: SourceState | undefined;
  activity: ReturnType<typeof useActivity>[string] | undefined;
  dragged: string | null;
  setDragged: (id: string | null) => void;
  onFit: (bounds: Bounds) => void;
};

function LayerSign({ layer, source }: { layer: Layer; source: SourceState | undefined }) {
  const geometry = geometryOfTiles(source?.tiles ?? null);
  if (!geometry) return <GeometryIcon geometry={null} />;
  const { visConfig, color } = layer.config;
  const isLine = geometry === 'line';
  const field = isLine ? layer.visualChannels.strokeColorField : layer.visualChannels.colorField;
  const colors = isLine ? visConfig.strokeColorRange.colors : visConfig.colorRange.colors;
  if (field) {
    return (
      <span
        className={styles.ramp}
        style={{ background: `linear-gradient(90deg, ${colors.join(', ')})` }}
        aria-hidden="true"
      />
    );
  }
  return (
    <Swatch
      geometry={geometry}
      color={hexFromRgb(isLine ? visConfig.strokeColor : color)}
      stroke={visConfig.stroked && !isLine ? hexFromRgb(visConfig.strokeColor) : null}
    />
  );
}

function LayerRow({ layer, position, count, source, activity, dragged, setDragged, onFit }: RowProps) {
  const { t } = useTranslation();
  const apply = useEditor((editor) => editor.apply);
  const select = useEditor((editor) => editor.select);
  const openSql = useEditor((editor) => editor.openSql);
  const undo = useEditor((editor) => editor.undo);
  const document = useDocument();
  const dataset = datasetOf(document, layer);
  const [isRenaming, setRenaming] = useState(false);
  const { label, isVisible } = layer.config;
  const bounds = (source?.tiles as { bounds?: Bounds } | null | undefined)?.bounds;
  const move = (to: number) => apply(t('layers.actMove'), (now) => moveLayer(now, layer.id, to));

  const remove = () => {
    apply(t('layers.actDelete', { layer: label }), (now) => removeLayer(now, layer.id));
    showToast({
      message: (
        <span style={{ display: 'inline-flex', gap: 12, alignItems: 'center' }}>
          {t('layers.deleted', { layer: label })}
          <Button variant="light" onClick={undo}>
            {t('builder.undo')}
          </Button>
        </span>
      ),
    });
  };

  return (
    <li
      className={styles.row}
      data-dragged={dragged === layer.id || undefined}
      onDragOver={(event) => dragged && event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        if (dragged) apply(t('layers.actMove'), (now) => moveLayer(now, dragged, position));
        setDragged(null);
      }}
    >
      <div className={styles.main}>
        <span
          className={styles.grip}
          draggable
          onDragStart={(event) => {
            event.dataTransfer.effectAllowed = 'move';
            setDragged(layer.id);
          }}
          onDragEnd={() => setDragged(null)}
          aria-hidden="true"
        >
          <IconGripVertical size={14} stroke={1.5} />
        </span>
        <LayerSign layer={layer} source={source} />
        {isRenaming ? (
          <input
            className={styles.rename}
            defaultValue={label}
            aria-label={t('layers.name')}
            // biome-ignore lint/a11y/noAutofocus: the person asked to type here
            autoFocus
            onFocus={(event) => event.currentTarget.select()}
            onBlur={(event) => {
              const { value } = event.currentTarget;
              setRenaming(false);
              if (value.trim() && value !== label)
                apply(t('layers.actRename'), (now) => renameLayer(now, layer.id, value.trim()));
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter') event.currentTarget.blur();
              if (event.key === 'Escape') {
                event.currentTarget.value = label;
                event.currentTarget.blur();
              }
            }}
          />
        ) : (
          <button
            type="button"
            className={styles.name}
            data-hidden={!isVisible || undefined}
            title={label}
            onClick={() => select(layer.id)}
            onKeyDown={(event) => {
              if (event.altKey && event.key === 'ArrowUp') move(position - 1);
              if (event.altKey && event.key === 'ArrowDown') move(position + 1);
              if (event.key === 'F2') setRenaming(true);
            }}
          >
            <span className="truncate">{label}</span>
            <span className={`${styles.source} truncate`}>
              {dataset?.type === 'query' ? t('layers.query') : dataset?.source}
            </span>
          </button>
        )}
        <IconButton
          icon={isVisible ? IconEye : IconEyeOff}
          label={t(isVisible ? 'layers.hide' : 'layers.show', { layer: label })}
          onClick={() => apply(t('layers.actVisibility'), (now) => setVisible(now, layer.id, !isVisible))}
        />
        <Menu width={200}>
          <Menu.Target>
            <IconButton icon={IconDots} label={t('layers.moreFor', { layer: label })} />
          </Menu.Target>
          <Menu.Dropdown>
            {dataset?.type === 'query' ? (
              <Menu.Item
                leftSection={<IconCode size={16} stroke={1.5} />}
                onClick={() => openSql(dataset.id)}
              >
                {t('layers.editSql')}
              </Menu.Item>
            ) : null}
            <Menu.Item
              leftSection={<IconZoomScan size={16} stroke={1.5} />}
              disabled={!bounds}
              onClick={() => bounds && onFit(bounds)}
            >
              {t('layers.zoomTo')}
            </Menu.Item>
            <Menu.Item leftSection={<IconPencil size={16} stroke={1.5} />} onClick={() => setRenaming(true)}>
              {t('actions.rename')}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconCopy size={16} stroke={1.5} />}
              onClick={() =>
                apply(t('layers.actDuplicate'), (now) =>
                  duplicateLayer(now, layer.id, newId(), t('maps.copyOf', { title: label })),
                )
              }
            >
              {t('actions.duplicate')}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconArrowUp size={16} stroke={1.5} />}
              disabled={position === 0}
              onClick={() => move(position - 1)}
            >
              {t('layers.moveUp')}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconArrowDown size={16} stroke={1.5} />}
              disabled={position === count - 1}
              onClick={() => move(position + 1)}
            >
              {t('layers.moveDown')}
            </Menu.Item>
            <Menu.Divider />
            <Menu.Item leftSection={<IconTrash size={16} stroke={1.5} />} onClick={remove}>
              {t('actions.delete')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      {source && isVisible ? (
        <div className={styles.status}>
          <LayerStatus
            activity={activity}
            error={source.error}
            isLoading={source.isLoading}
            onRetry={source.retry}
          />
        </div>
      ) : null}
      {!dataset ? <p className={styles.status}>{t('layers.noDataset')}</p> : null}
    </li>
  );
}

type Props = {
  sources: Record<string, SourceState>;
  activity: TileActivity;
  onAdd: () => void;
  onCollapse: () => void;
  onFit: (bounds: Bounds) => void;
};

export function LayersPanel({ sources, activity, onAdd, onCollapse, onFit }: Props) {
  const { t } = useTranslation();
  const document = useDocument();
  const states = useActivity(activity);
  const [dragged, setDragged] = useState<string | null>(null);
  const layers = layersOf(document);
  return (
    <>
      <header className={styles.head}>
        <h2>{t('layers.title')}</h2>
        <div>
          <Button leftSection={<IconPlus size={16} stroke={1.5} />} variant="default" onClick={onAdd}>
            {t('layers.add')}
          </Button>
          <IconButton
            icon={IconLayoutSidebarLeftCollapse}
            label={t('builder.hidePanel')}
            shortcut="Mod+B"
            onClick={onCollapse}
          />
        </div>
      </header>
      <div className={styles.scroll}>
        {layers.length === 0 ? (
          <EmptyState
            icon={IconStack2}
            title={t('layers.emptyTitle')}
            text={t('layers.emptyText')}
            isCompact
          />
        ) : (
          <ul className={styles.list} aria-label={t('layers.title')}>
            {layers.map((layer, position) => (
              <LayerRow
                key={layer.id}
                layer={layer}
                position={position}
                count={layers.length}
                source={sources[layer.config.dataId]}
                activity={states[layer.id]}
                dragged={dragged}
                setDragged={setDragged}
                onFit={onFit}
              />
            ))}
          </ul>
        )}
      </div>
    </>
  );
}
